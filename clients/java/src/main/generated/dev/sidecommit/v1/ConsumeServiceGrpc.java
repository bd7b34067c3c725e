package dev.sidecommit.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Reads topics as a member of a consumer group.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class ConsumeServiceGrpc {

  private ConsumeServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "sidecommit.v1.ConsumeService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<dev.sidecommit.v1.ConsumeRequest,
      dev.sidecommit.v1.ConsumeResponse> getConsumeMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Consume",
      requestType = dev.sidecommit.v1.ConsumeRequest.class,
      responseType = dev.sidecommit.v1.ConsumeResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
  public static io.grpc.MethodDescriptor<dev.sidecommit.v1.ConsumeRequest,
      dev.sidecommit.v1.ConsumeResponse> getConsumeMethod() {
    io.grpc.MethodDescriptor<dev.sidecommit.v1.ConsumeRequest, dev.sidecommit.v1.ConsumeResponse> getConsumeMethod;
    if ((getConsumeMethod = ConsumeServiceGrpc.getConsumeMethod) == null) {
      synchronized (ConsumeServiceGrpc.class) {
        if ((getConsumeMethod = ConsumeServiceGrpc.getConsumeMethod) == null) {
          ConsumeServiceGrpc.getConsumeMethod = getConsumeMethod =
              io.grpc.MethodDescriptor.<dev.sidecommit.v1.ConsumeRequest, dev.sidecommit.v1.ConsumeResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Consume"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.ConsumeRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.ConsumeResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ConsumeServiceMethodDescriptorSupplier("Consume"))
              .build();
        }
      }
    }
    return getConsumeMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static ConsumeServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ConsumeServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ConsumeServiceStub>() {
        @java.lang.Override
        public ConsumeServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ConsumeServiceStub(channel, callOptions);
        }
      };
    return ConsumeServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static ConsumeServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ConsumeServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ConsumeServiceBlockingV2Stub>() {
        @java.lang.Override
        public ConsumeServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ConsumeServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return ConsumeServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static ConsumeServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ConsumeServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ConsumeServiceBlockingStub>() {
        @java.lang.Override
        public ConsumeServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ConsumeServiceBlockingStub(channel, callOptions);
        }
      };
    return ConsumeServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static ConsumeServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ConsumeServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ConsumeServiceFutureStub>() {
        @java.lang.Override
        public ConsumeServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ConsumeServiceFutureStub(channel, callOptions);
        }
      };
    return ConsumeServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Reads topics as a member of a consumer group.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * One stream is one member of the group. The first message is subscribe; credit, release and reject follow.
     * The sidecar polls the group whatever the application does: a slow application keeps its membership. What it does not
     * settle within delivery_timeout costs it the membership: the stream ends with DELIVERY_TIMED_OUT, and everything that it
     * held has failed, not the late delivery alone.
     * Of each partition one delivery is outstanding at a time, so order holds. A transaction may settle several deliveries
     * (SendOffsets, or delivery_ids of Commit and Transact). What a transaction held and did not settle is delivered again,
     * from the group's committed offsets, under other ids, once its outcome is known. A delivery that it did not hold when it
     * ended stays outstanding: Release it, or its partition waits for delivery_timeout.
     * After a break of the stream: subscribe again with session_id and all else as before (else INVALID_FIELD), within
     * session_grace. Deliveries that are still outstanding then come again under the same ids. Without session_id, or too
     * late, the application counts as dead: its open transactions that hold deliveries are aborted (SESSION_LOST) and the
     * deliveries are attempted again. Whoever subscribes without it as the static member (group_instance_id) that it was before
     * takes that one's place at once. The application's half-close ends the stream, as a break does.
     * INVALID_FIELD, UNKNOWN_TOPIC (also of a topic that is deleted later): correct the subscription, or what was said after it.
     * GROUP_DENIED, TOPIC_DENIED: ACLs say no. OFFSET_MISSING: reset_policy is NONE, and the group has no offset.
     * RECORD_TOO_LARGE_FOR_CLIENT, RECORD_REJECTED: a record that is given up can go nowhere, or the topic that it has to go to
     * refuses it; it stays where it is. MEMBER_FENCED: another member uses the same group_instance_id. SESSION_TAKEN: a newer
     * stream has resumed this session. DELIVERY_TIMED_OUT, KAFKA_FAILED: subscribe again, without session_id.
     * SESSIONS_EXCEEDED, RECOVERING, KAFKA_UNREACHABLE, DRAINING, FENCED_BY_RIVAL, JOURNAL_FAILED: subscribe again as
     * next_action says.
     * </pre>
     */
    default io.grpc.stub.StreamObserver<dev.sidecommit.v1.ConsumeRequest> consume(
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.ConsumeResponse> responseObserver) {
      return io.grpc.stub.ServerCalls.asyncUnimplementedStreamingCall(getConsumeMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service ConsumeService.
   * <pre>
   * Reads topics as a member of a consumer group.
   * </pre>
   */
  public static abstract class ConsumeServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return ConsumeServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service ConsumeService.
   * <pre>
   * Reads topics as a member of a consumer group.
   * </pre>
   */
  public static final class ConsumeServiceStub
      extends io.grpc.stub.AbstractAsyncStub<ConsumeServiceStub> {
    private ConsumeServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ConsumeServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ConsumeServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * One stream is one member of the group. The first message is subscribe; credit, release and reject follow.
     * The sidecar polls the group whatever the application does: a slow application keeps its membership. What it does not
     * settle within delivery_timeout costs it the membership: the stream ends with DELIVERY_TIMED_OUT, and everything that it
     * held has failed, not the late delivery alone.
     * Of each partition one delivery is outstanding at a time, so order holds. A transaction may settle several deliveries
     * (SendOffsets, or delivery_ids of Commit and Transact). What a transaction held and did not settle is delivered again,
     * from the group's committed offsets, under other ids, once its outcome is known. A delivery that it did not hold when it
     * ended stays outstanding: Release it, or its partition waits for delivery_timeout.
     * After a break of the stream: subscribe again with session_id and all else as before (else INVALID_FIELD), within
     * session_grace. Deliveries that are still outstanding then come again under the same ids. Without session_id, or too
     * late, the application counts as dead: its open transactions that hold deliveries are aborted (SESSION_LOST) and the
     * deliveries are attempted again. Whoever subscribes without it as the static member (group_instance_id) that it was before
     * takes that one's place at once. The application's half-close ends the stream, as a break does.
     * INVALID_FIELD, UNKNOWN_TOPIC (also of a topic that is deleted later): correct the subscription, or what was said after it.
     * GROUP_DENIED, TOPIC_DENIED: ACLs say no. OFFSET_MISSING: reset_policy is NONE, and the group has no offset.
     * RECORD_TOO_LARGE_FOR_CLIENT, RECORD_REJECTED: a record that is given up can go nowhere, or the topic that it has to go to
     * refuses it; it stays where it is. MEMBER_FENCED: another member uses the same group_instance_id. SESSION_TAKEN: a newer
     * stream has resumed this session. DELIVERY_TIMED_OUT, KAFKA_FAILED: subscribe again, without session_id.
     * SESSIONS_EXCEEDED, RECOVERING, KAFKA_UNREACHABLE, DRAINING, FENCED_BY_RIVAL, JOURNAL_FAILED: subscribe again as
     * next_action says.
     * </pre>
     */
    public io.grpc.stub.StreamObserver<dev.sidecommit.v1.ConsumeRequest> consume(
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.ConsumeResponse> responseObserver) {
      return io.grpc.stub.ClientCalls.asyncBidiStreamingCall(
          getChannel().newCall(getConsumeMethod(), getCallOptions()), responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service ConsumeService.
   * <pre>
   * Reads topics as a member of a consumer group.
   * </pre>
   */
  public static final class ConsumeServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<ConsumeServiceBlockingV2Stub> {
    private ConsumeServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ConsumeServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ConsumeServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * One stream is one member of the group. The first message is subscribe; credit, release and reject follow.
     * The sidecar polls the group whatever the application does: a slow application keeps its membership. What it does not
     * settle within delivery_timeout costs it the membership: the stream ends with DELIVERY_TIMED_OUT, and everything that it
     * held has failed, not the late delivery alone.
     * Of each partition one delivery is outstanding at a time, so order holds. A transaction may settle several deliveries
     * (SendOffsets, or delivery_ids of Commit and Transact). What a transaction held and did not settle is delivered again,
     * from the group's committed offsets, under other ids, once its outcome is known. A delivery that it did not hold when it
     * ended stays outstanding: Release it, or its partition waits for delivery_timeout.
     * After a break of the stream: subscribe again with session_id and all else as before (else INVALID_FIELD), within
     * session_grace. Deliveries that are still outstanding then come again under the same ids. Without session_id, or too
     * late, the application counts as dead: its open transactions that hold deliveries are aborted (SESSION_LOST) and the
     * deliveries are attempted again. Whoever subscribes without it as the static member (group_instance_id) that it was before
     * takes that one's place at once. The application's half-close ends the stream, as a break does.
     * INVALID_FIELD, UNKNOWN_TOPIC (also of a topic that is deleted later): correct the subscription, or what was said after it.
     * GROUP_DENIED, TOPIC_DENIED: ACLs say no. OFFSET_MISSING: reset_policy is NONE, and the group has no offset.
     * RECORD_TOO_LARGE_FOR_CLIENT, RECORD_REJECTED: a record that is given up can go nowhere, or the topic that it has to go to
     * refuses it; it stays where it is. MEMBER_FENCED: another member uses the same group_instance_id. SESSION_TAKEN: a newer
     * stream has resumed this session. DELIVERY_TIMED_OUT, KAFKA_FAILED: subscribe again, without session_id.
     * SESSIONS_EXCEEDED, RECOVERING, KAFKA_UNREACHABLE, DRAINING, FENCED_BY_RIVAL, JOURNAL_FAILED: subscribe again as
     * next_action says.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<dev.sidecommit.v1.ConsumeRequest, dev.sidecommit.v1.ConsumeResponse>
        consume() {
      return io.grpc.stub.ClientCalls.blockingBidiStreamingCall(
          getChannel(), getConsumeMethod(), getCallOptions());
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service ConsumeService.
   * <pre>
   * Reads topics as a member of a consumer group.
   * </pre>
   */
  public static final class ConsumeServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<ConsumeServiceBlockingStub> {
    private ConsumeServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ConsumeServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ConsumeServiceBlockingStub(channel, callOptions);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service ConsumeService.
   * <pre>
   * Reads topics as a member of a consumer group.
   * </pre>
   */
  public static final class ConsumeServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<ConsumeServiceFutureStub> {
    private ConsumeServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ConsumeServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ConsumeServiceFutureStub(channel, callOptions);
    }
  }

  private static final int METHODID_CONSUME = 0;

  private static final class MethodHandlers<Req, Resp> implements
      io.grpc.stub.ServerCalls.UnaryMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ServerStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ClientStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.BidiStreamingMethod<Req, Resp> {
    private final AsyncService serviceImpl;
    private final int methodId;

    MethodHandlers(AsyncService serviceImpl, int methodId) {
      this.serviceImpl = serviceImpl;
      this.methodId = methodId;
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public void invoke(Req request, io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_CONSUME:
          return (io.grpc.stub.StreamObserver<Req>) serviceImpl.consume(
              (io.grpc.stub.StreamObserver<dev.sidecommit.v1.ConsumeResponse>) responseObserver);
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getConsumeMethod(),
          io.grpc.stub.ServerCalls.asyncBidiStreamingCall(
            new MethodHandlers<
              dev.sidecommit.v1.ConsumeRequest,
              dev.sidecommit.v1.ConsumeResponse>(
                service, METHODID_CONSUME)))
        .build();
  }

  private static abstract class ConsumeServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    ConsumeServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return dev.sidecommit.v1.ConsumeProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("ConsumeService");
    }
  }

  private static final class ConsumeServiceFileDescriptorSupplier
      extends ConsumeServiceBaseDescriptorSupplier {
    ConsumeServiceFileDescriptorSupplier() {}
  }

  private static final class ConsumeServiceMethodDescriptorSupplier
      extends ConsumeServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    ConsumeServiceMethodDescriptorSupplier(java.lang.String methodName) {
      this.methodName = methodName;
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.MethodDescriptor getMethodDescriptor() {
      return getServiceDescriptor().findMethodByName(methodName);
    }
  }

  private static volatile io.grpc.ServiceDescriptor serviceDescriptor;

  public static io.grpc.ServiceDescriptor getServiceDescriptor() {
    io.grpc.ServiceDescriptor result = serviceDescriptor;
    if (result == null) {
      synchronized (ConsumeServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new ConsumeServiceFileDescriptorSupplier())
              .addMethod(getConsumeMethod())
              .build();
        }
      }
    }
    return result;
  }
}

package dev.sidecommit.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Begin, Produce (and SendOffsets) any number of times, then Commit or Abort; or all of it in one Transact.
 * The promise is exact: from Kafka to Kafka within one cluster, for readers with isolation.level=read_committed. All of a
 * committed transaction is visible exactly once, nothing of an aborted one ever is.
 * Every call may be repeated, by the same or by a restarted application, before and after a restart of the sidecar;
 * each RPC says what a repeat is answered. A cancelled call, or one past its deadline, goes on in the sidecar; its repeat
 * joins it. A lost connection aborts nothing by itself; the idle timeout does.
 * A call's trace context (metadata traceparent and tracestate, W3C Trace Context; of a stream: as it was opened) goes into the
 * headers of the records that it brings and that have no header traceparent. It is no part of what a repeat must not change.
 * Every refusal carries an ErrorDetail (error.proto) whose next_action says what to do; the reasons below are those that
 * the RPC adds to the ones of every call: INVALID_FIELD (the request is wrong), RECOVERING, KAFKA_UNREACHABLE (send the
 * same call again) and FENCED_BY_RIVAL, NO_SLOT, JOURNAL_FAILED (wait for grpc.health.v1 SERVING).
 * Calls that name a transaction_id may further be refused with NEVER_ISSUED, OUTCOME_FORGOTTEN, or with the reason for
 * which that transaction was aborted, e.g. TIMED_OUT_IDLE (begin again).
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class TransactionServiceGrpc {

  private TransactionServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "sidecommit.v1.TransactionService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<dev.sidecommit.v1.GetServerInfoRequest,
      dev.sidecommit.v1.GetServerInfoResponse> getGetServerInfoMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetServerInfo",
      requestType = dev.sidecommit.v1.GetServerInfoRequest.class,
      responseType = dev.sidecommit.v1.GetServerInfoResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.sidecommit.v1.GetServerInfoRequest,
      dev.sidecommit.v1.GetServerInfoResponse> getGetServerInfoMethod() {
    io.grpc.MethodDescriptor<dev.sidecommit.v1.GetServerInfoRequest, dev.sidecommit.v1.GetServerInfoResponse> getGetServerInfoMethod;
    if ((getGetServerInfoMethod = TransactionServiceGrpc.getGetServerInfoMethod) == null) {
      synchronized (TransactionServiceGrpc.class) {
        if ((getGetServerInfoMethod = TransactionServiceGrpc.getGetServerInfoMethod) == null) {
          TransactionServiceGrpc.getGetServerInfoMethod = getGetServerInfoMethod =
              io.grpc.MethodDescriptor.<dev.sidecommit.v1.GetServerInfoRequest, dev.sidecommit.v1.GetServerInfoResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetServerInfo"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.GetServerInfoRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.GetServerInfoResponse.getDefaultInstance()))
              .setSchemaDescriptor(new TransactionServiceMethodDescriptorSupplier("GetServerInfo"))
              .build();
        }
      }
    }
    return getGetServerInfoMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.sidecommit.v1.BeginRequest,
      dev.sidecommit.v1.BeginResponse> getBeginMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Begin",
      requestType = dev.sidecommit.v1.BeginRequest.class,
      responseType = dev.sidecommit.v1.BeginResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.sidecommit.v1.BeginRequest,
      dev.sidecommit.v1.BeginResponse> getBeginMethod() {
    io.grpc.MethodDescriptor<dev.sidecommit.v1.BeginRequest, dev.sidecommit.v1.BeginResponse> getBeginMethod;
    if ((getBeginMethod = TransactionServiceGrpc.getBeginMethod) == null) {
      synchronized (TransactionServiceGrpc.class) {
        if ((getBeginMethod = TransactionServiceGrpc.getBeginMethod) == null) {
          TransactionServiceGrpc.getBeginMethod = getBeginMethod =
              io.grpc.MethodDescriptor.<dev.sidecommit.v1.BeginRequest, dev.sidecommit.v1.BeginResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Begin"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.BeginRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.BeginResponse.getDefaultInstance()))
              .setSchemaDescriptor(new TransactionServiceMethodDescriptorSupplier("Begin"))
              .build();
        }
      }
    }
    return getBeginMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.sidecommit.v1.ProduceRequest,
      dev.sidecommit.v1.ProduceResponse> getProduceMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Produce",
      requestType = dev.sidecommit.v1.ProduceRequest.class,
      responseType = dev.sidecommit.v1.ProduceResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.sidecommit.v1.ProduceRequest,
      dev.sidecommit.v1.ProduceResponse> getProduceMethod() {
    io.grpc.MethodDescriptor<dev.sidecommit.v1.ProduceRequest, dev.sidecommit.v1.ProduceResponse> getProduceMethod;
    if ((getProduceMethod = TransactionServiceGrpc.getProduceMethod) == null) {
      synchronized (TransactionServiceGrpc.class) {
        if ((getProduceMethod = TransactionServiceGrpc.getProduceMethod) == null) {
          TransactionServiceGrpc.getProduceMethod = getProduceMethod =
              io.grpc.MethodDescriptor.<dev.sidecommit.v1.ProduceRequest, dev.sidecommit.v1.ProduceResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Produce"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.ProduceRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.ProduceResponse.getDefaultInstance()))
              .setSchemaDescriptor(new TransactionServiceMethodDescriptorSupplier("Produce"))
              .build();
        }
      }
    }
    return getProduceMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.sidecommit.v1.ProduceStreamRequest,
      dev.sidecommit.v1.ProduceStreamResponse> getProduceStreamMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ProduceStream",
      requestType = dev.sidecommit.v1.ProduceStreamRequest.class,
      responseType = dev.sidecommit.v1.ProduceStreamResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
  public static io.grpc.MethodDescriptor<dev.sidecommit.v1.ProduceStreamRequest,
      dev.sidecommit.v1.ProduceStreamResponse> getProduceStreamMethod() {
    io.grpc.MethodDescriptor<dev.sidecommit.v1.ProduceStreamRequest, dev.sidecommit.v1.ProduceStreamResponse> getProduceStreamMethod;
    if ((getProduceStreamMethod = TransactionServiceGrpc.getProduceStreamMethod) == null) {
      synchronized (TransactionServiceGrpc.class) {
        if ((getProduceStreamMethod = TransactionServiceGrpc.getProduceStreamMethod) == null) {
          TransactionServiceGrpc.getProduceStreamMethod = getProduceStreamMethod =
              io.grpc.MethodDescriptor.<dev.sidecommit.v1.ProduceStreamRequest, dev.sidecommit.v1.ProduceStreamResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ProduceStream"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.ProduceStreamRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.ProduceStreamResponse.getDefaultInstance()))
              .setSchemaDescriptor(new TransactionServiceMethodDescriptorSupplier("ProduceStream"))
              .build();
        }
      }
    }
    return getProduceStreamMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.sidecommit.v1.SendOffsetsRequest,
      dev.sidecommit.v1.SendOffsetsResponse> getSendOffsetsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SendOffsets",
      requestType = dev.sidecommit.v1.SendOffsetsRequest.class,
      responseType = dev.sidecommit.v1.SendOffsetsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.sidecommit.v1.SendOffsetsRequest,
      dev.sidecommit.v1.SendOffsetsResponse> getSendOffsetsMethod() {
    io.grpc.MethodDescriptor<dev.sidecommit.v1.SendOffsetsRequest, dev.sidecommit.v1.SendOffsetsResponse> getSendOffsetsMethod;
    if ((getSendOffsetsMethod = TransactionServiceGrpc.getSendOffsetsMethod) == null) {
      synchronized (TransactionServiceGrpc.class) {
        if ((getSendOffsetsMethod = TransactionServiceGrpc.getSendOffsetsMethod) == null) {
          TransactionServiceGrpc.getSendOffsetsMethod = getSendOffsetsMethod =
              io.grpc.MethodDescriptor.<dev.sidecommit.v1.SendOffsetsRequest, dev.sidecommit.v1.SendOffsetsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SendOffsets"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.SendOffsetsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.SendOffsetsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new TransactionServiceMethodDescriptorSupplier("SendOffsets"))
              .build();
        }
      }
    }
    return getSendOffsetsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.sidecommit.v1.KeepAliveRequest,
      dev.sidecommit.v1.KeepAliveResponse> getKeepAliveMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "KeepAlive",
      requestType = dev.sidecommit.v1.KeepAliveRequest.class,
      responseType = dev.sidecommit.v1.KeepAliveResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.sidecommit.v1.KeepAliveRequest,
      dev.sidecommit.v1.KeepAliveResponse> getKeepAliveMethod() {
    io.grpc.MethodDescriptor<dev.sidecommit.v1.KeepAliveRequest, dev.sidecommit.v1.KeepAliveResponse> getKeepAliveMethod;
    if ((getKeepAliveMethod = TransactionServiceGrpc.getKeepAliveMethod) == null) {
      synchronized (TransactionServiceGrpc.class) {
        if ((getKeepAliveMethod = TransactionServiceGrpc.getKeepAliveMethod) == null) {
          TransactionServiceGrpc.getKeepAliveMethod = getKeepAliveMethod =
              io.grpc.MethodDescriptor.<dev.sidecommit.v1.KeepAliveRequest, dev.sidecommit.v1.KeepAliveResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "KeepAlive"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.KeepAliveRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.KeepAliveResponse.getDefaultInstance()))
              .setSchemaDescriptor(new TransactionServiceMethodDescriptorSupplier("KeepAlive"))
              .build();
        }
      }
    }
    return getKeepAliveMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.sidecommit.v1.CommitRequest,
      dev.sidecommit.v1.CommitResponse> getCommitMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Commit",
      requestType = dev.sidecommit.v1.CommitRequest.class,
      responseType = dev.sidecommit.v1.CommitResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.sidecommit.v1.CommitRequest,
      dev.sidecommit.v1.CommitResponse> getCommitMethod() {
    io.grpc.MethodDescriptor<dev.sidecommit.v1.CommitRequest, dev.sidecommit.v1.CommitResponse> getCommitMethod;
    if ((getCommitMethod = TransactionServiceGrpc.getCommitMethod) == null) {
      synchronized (TransactionServiceGrpc.class) {
        if ((getCommitMethod = TransactionServiceGrpc.getCommitMethod) == null) {
          TransactionServiceGrpc.getCommitMethod = getCommitMethod =
              io.grpc.MethodDescriptor.<dev.sidecommit.v1.CommitRequest, dev.sidecommit.v1.CommitResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Commit"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.CommitRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.CommitResponse.getDefaultInstance()))
              .setSchemaDescriptor(new TransactionServiceMethodDescriptorSupplier("Commit"))
              .build();
        }
      }
    }
    return getCommitMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.sidecommit.v1.AbortRequest,
      dev.sidecommit.v1.AbortResponse> getAbortMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Abort",
      requestType = dev.sidecommit.v1.AbortRequest.class,
      responseType = dev.sidecommit.v1.AbortResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.sidecommit.v1.AbortRequest,
      dev.sidecommit.v1.AbortResponse> getAbortMethod() {
    io.grpc.MethodDescriptor<dev.sidecommit.v1.AbortRequest, dev.sidecommit.v1.AbortResponse> getAbortMethod;
    if ((getAbortMethod = TransactionServiceGrpc.getAbortMethod) == null) {
      synchronized (TransactionServiceGrpc.class) {
        if ((getAbortMethod = TransactionServiceGrpc.getAbortMethod) == null) {
          TransactionServiceGrpc.getAbortMethod = getAbortMethod =
              io.grpc.MethodDescriptor.<dev.sidecommit.v1.AbortRequest, dev.sidecommit.v1.AbortResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Abort"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.AbortRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.AbortResponse.getDefaultInstance()))
              .setSchemaDescriptor(new TransactionServiceMethodDescriptorSupplier("Abort"))
              .build();
        }
      }
    }
    return getAbortMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.sidecommit.v1.TransactRequest,
      dev.sidecommit.v1.TransactResponse> getTransactMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Transact",
      requestType = dev.sidecommit.v1.TransactRequest.class,
      responseType = dev.sidecommit.v1.TransactResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.sidecommit.v1.TransactRequest,
      dev.sidecommit.v1.TransactResponse> getTransactMethod() {
    io.grpc.MethodDescriptor<dev.sidecommit.v1.TransactRequest, dev.sidecommit.v1.TransactResponse> getTransactMethod;
    if ((getTransactMethod = TransactionServiceGrpc.getTransactMethod) == null) {
      synchronized (TransactionServiceGrpc.class) {
        if ((getTransactMethod = TransactionServiceGrpc.getTransactMethod) == null) {
          TransactionServiceGrpc.getTransactMethod = getTransactMethod =
              io.grpc.MethodDescriptor.<dev.sidecommit.v1.TransactRequest, dev.sidecommit.v1.TransactResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Transact"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.TransactRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.TransactResponse.getDefaultInstance()))
              .setSchemaDescriptor(new TransactionServiceMethodDescriptorSupplier("Transact"))
              .build();
        }
      }
    }
    return getTransactMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.sidecommit.v1.GetTransactionRequest,
      dev.sidecommit.v1.GetTransactionResponse> getGetTransactionMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetTransaction",
      requestType = dev.sidecommit.v1.GetTransactionRequest.class,
      responseType = dev.sidecommit.v1.GetTransactionResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.sidecommit.v1.GetTransactionRequest,
      dev.sidecommit.v1.GetTransactionResponse> getGetTransactionMethod() {
    io.grpc.MethodDescriptor<dev.sidecommit.v1.GetTransactionRequest, dev.sidecommit.v1.GetTransactionResponse> getGetTransactionMethod;
    if ((getGetTransactionMethod = TransactionServiceGrpc.getGetTransactionMethod) == null) {
      synchronized (TransactionServiceGrpc.class) {
        if ((getGetTransactionMethod = TransactionServiceGrpc.getGetTransactionMethod) == null) {
          TransactionServiceGrpc.getGetTransactionMethod = getGetTransactionMethod =
              io.grpc.MethodDescriptor.<dev.sidecommit.v1.GetTransactionRequest, dev.sidecommit.v1.GetTransactionResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetTransaction"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.GetTransactionRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.sidecommit.v1.GetTransactionResponse.getDefaultInstance()))
              .setSchemaDescriptor(new TransactionServiceMethodDescriptorSupplier("GetTransaction"))
              .build();
        }
      }
    }
    return getGetTransactionMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static TransactionServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<TransactionServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<TransactionServiceStub>() {
        @java.lang.Override
        public TransactionServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new TransactionServiceStub(channel, callOptions);
        }
      };
    return TransactionServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static TransactionServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<TransactionServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<TransactionServiceBlockingV2Stub>() {
        @java.lang.Override
        public TransactionServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new TransactionServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return TransactionServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static TransactionServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<TransactionServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<TransactionServiceBlockingStub>() {
        @java.lang.Override
        public TransactionServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new TransactionServiceBlockingStub(channel, callOptions);
        }
      };
    return TransactionServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static TransactionServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<TransactionServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<TransactionServiceFutureStub>() {
        @java.lang.Override
        public TransactionServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new TransactionServiceFutureStub(channel, callOptions);
        }
      };
    return TransactionServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Begin, Produce (and SendOffsets) any number of times, then Commit or Abort; or all of it in one Transact.
   * The promise is exact: from Kafka to Kafka within one cluster, for readers with isolation.level=read_committed. All of a
   * committed transaction is visible exactly once, nothing of an aborted one ever is.
   * Every call may be repeated, by the same or by a restarted application, before and after a restart of the sidecar;
   * each RPC says what a repeat is answered. A cancelled call, or one past its deadline, goes on in the sidecar; its repeat
   * joins it. A lost connection aborts nothing by itself; the idle timeout does.
   * A call's trace context (metadata traceparent and tracestate, W3C Trace Context; of a stream: as it was opened) goes into the
   * headers of the records that it brings and that have no header traceparent. It is no part of what a repeat must not change.
   * Every refusal carries an ErrorDetail (error.proto) whose next_action says what to do; the reasons below are those that
   * the RPC adds to the ones of every call: INVALID_FIELD (the request is wrong), RECOVERING, KAFKA_UNREACHABLE (send the
   * same call again) and FENCED_BY_RIVAL, NO_SLOT, JOURNAL_FAILED (wait for grpc.health.v1 SERVING).
   * Calls that name a transaction_id may further be refused with NEVER_ISSUED, OUTCOME_FORGOTTEN, or with the reason for
   * which that transaction was aborted, e.g. TIMED_OUT_IDLE (begin again).
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * What the sidecar is, what it can do and its limits. Answered in every state; read it once at start.
     * Over a Unix socket some gRPC libraries send the socket's path as :authority. The server accepts that; where a proxy
     * in between does not, set the channel option grpc.default_authority (or your language's) to "localhost".
     * </pre>
     */
    default void getServerInfo(dev.sidecommit.v1.GetServerInfoRequest request,
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.GetServerInfoResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetServerInfoMethod(), responseObserver);
    }

    /**
     * <pre>
     * Begins a transaction.
     * A repeat with the same request_id returns the same transaction, while it is open or remembered; in place of one that was
     * aborted it begins a new one. So after any failure of the call, repeat it.
     * REQUEST_REUSED: the request_id was used with other fields; take a new one.
     * OPEN_TRANSACTIONS_EXCEEDED, QUEUE_EXCEEDED, BUFFER_EXCEEDED: repeat after RetryInfo's delay, finish others meanwhile.
     * DRAINING: the sidecar is stopping; wait for the next one.
     * </pre>
     */
    default void begin(dev.sidecommit.v1.BeginRequest request,
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.BeginResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getBeginMethod(), responseObserver);
    }

    /**
     * <pre>
     * Adds records. The answer means accepted, not committed.
     * An index is accepted once: a repeat is acknowledged and adds nothing, so after any failure of the call, repeat it.
     * SEQUENCE_GAP: an earlier call is missing; send from next_sequence on.
     * UNKNOWN_TOPIC, PARTITION_OUT_OF_RANGE, RECORD_TOO_LARGE, INVALID_TIMESTAMP, KEY_REQUIRED: record_index is wrong;
     * nothing of this call was added and the transaction goes on: send it corrected, or without that record.
     * TRANSACTION_TOO_LARGE: commit what is there, or abort. BUFFER_EXCEEDED: repeat after RetryInfo's delay.
     * NOT_OPEN: Commit or Abort was asked before; nothing can be added.
     * </pre>
     */
    default void produce(dev.sidecommit.v1.ProduceRequest request,
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.ProduceResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getProduceMethod(), responseObserver);
    }

    /**
     * <pre>
     * Produce for many records: one transaction a stream, much faster than single calls. The sidecar reads no further than
     * it can take, so sending needs no other flow control than gRPC's own: where a Produce would be refused with
     * BUFFER_EXCEEDED the stream waits. While it waits its transaction is not idle.
     * Acks are coalesced: each says how far the records are accepted. After the application's half-close the last ack comes,
     * then the end. A refused message ends the stream with its reason (as Produce); messages before it stay accepted. After
     * the stream broke, for any cause: open another, go on from the last next_sequence known; repeats are acknowledged.
     * Commit only with the record_count of what was sent in all: it is a call of its own that may overtake the stream.
     * </pre>
     */
    default io.grpc.stub.StreamObserver<dev.sidecommit.v1.ProduceStreamRequest> produceStream(
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.ProduceStreamResponse> responseObserver) {
      return io.grpc.stub.ServerCalls.asyncUnimplementedStreamingCall(getProduceStreamMethod(), responseObserver);
    }

    /**
     * <pre>
     * Adds consumer offsets, to be committed with the transaction. Per group, topic and partition the last one counts, so a
     * repeat changes nothing; after any failure of the call, repeat it.
     * UNKNOWN_TOPIC, PARTITION_OUT_OF_RANGE: nothing of the call was added, the transaction goes on.
     * DELIVERY_TAKEN: another open transaction holds the delivery; nothing of the call was added, the transaction goes on.
     * DELIVERY_REVOKED: the delivery is void, so the sidecar has aborted the transaction: begin again with what is delivered
     * next, which need not be the same records.
     * NOT_OPEN: Commit or Abort was asked before.
     * </pre>
     */
    default void sendOffsets(dev.sidecommit.v1.SendOffsetsRequest request,
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.SendOffsetsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSendOffsetsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Keeps transactions from their idle timeout while the application works on something else. Does not move deadlines.
     * </pre>
     */
    default void keepAlive(dev.sidecommit.v1.KeepAliveRequest request,
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.KeepAliveResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getKeepAliveMethod(), responseObserver);
    }

    /**
     * <pre>
     * Commits. OK means: committed, visible to read_committed readers, for good.
     * After any failure whose next_action is not another one (a deadline, a lost connection, OUTCOME_PENDING): repeat the
     * same Commit until it is answered. Repeats join the running commit or get the stored answer, also after a restart.
     * INCOMPLETE: the counts differ from what was accepted; the transaction stays open: send what is missing from
     * next_sequence on, then the same Commit.
     * DELIVERY_TAKEN: another open transaction holds one of delivery_ids; nothing was added, the transaction stays open.
     * ABORTED_BY_CALLER: Abort came first. RECORD_REJECTED, TOPIC_DENIED, GROUP_DENIED, TRANSACTIONAL_ID_DENIED, REBALANCED,
     * FENCED, TIMED_OUT, TIMED_OUT_IDLE, DRAINED, SIDECAR_RESTARTED, BUFFER_PRESSURE, ABORTED_BY_OPERATOR, KAFKA_FAILED,
     * DELIVERY_REVOKED, DELIVERY_TIMED_OUT, SESSION_LOST: it was aborted and nothing of it is visible. The deliveries that it
     * held are void, whatever the reason: what is delivered next is the work to begin again with. Deliveries that it did not
     * hold yet are outstanding still: Release them.
     * OUTCOME_UNKNOWN: Kafka can no longer tell; a person has to look at ErrorDetail.coordinate.
     * </pre>
     */
    default void commit(dev.sidecommit.v1.CommitRequest request,
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.CommitResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCommitMethod(), responseObserver);
    }

    /**
     * <pre>
     * Aborts. OK means: aborted, nothing of it will ever be visible to read_committed readers. Deliveries that it did not hold
     * yet are outstanding still: Release them.
     * A repeat gets the same answer; after any failure of the call, repeat it. Of a transaction that is committing or in
     * doubt the call waits for the outcome. ALREADY_COMMITTED: the Commit won. OUTCOME_PENDING: repeat it.
     * Deliveries that the transaction held are delivered again. Those with failures count as attempted, see RetryPolicy; those
     * without do not: an Abort without any failures blames nobody, and its deliveries come again after RetryPolicy's backoff.
     * </pre>
     */
    default void abort(dev.sidecommit.v1.AbortRequest request,
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.AbortResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getAbortMethod(), responseObserver);
    }

    /**
     * <pre>
     * A whole transaction in one call: the fastest way for small ones. OK means as Commit's.
     * After any failure of the call: repeat it with the same idempotency_key, the same content and first_attempt_time set
     * to when the key was first tried. Of the attempts with one key at most one is ever committed: a key in flight is
     * joined, a committed one gets the stored answer, an aborted one is tried anew.
     * KEY_REUSED: the key was used with other content. Delivery ids are content, and records that are delivered again come under
     * other ids: with deliveries a key names the attempt, not the records.
     * OUTCOME_FORGOTTEN: the first attempt is older than what the sidecar remembers; it may have been committed: look at Kafka
     * before doing the work again.
     * Reasons of Begin, Produce, SendOffsets and Commit apply; nothing is ever left open. DELIVERY_REVOKED, also for deliveries of
     * another member or another life of the application: begin with what is delivered, under a key of its own.
     * </pre>
     */
    default void transact(dev.sidecommit.v1.TransactRequest request,
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.TransactResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getTransactMethod(), responseObserver);
    }

    /**
     * <pre>
     * What became of a transaction. With wait it answers when the outcome is there, or at the call's deadline.
     * A read: repeat it at will. NEVER_ISSUED: begin (again). OUTCOME_FORGOTTEN: it may have been committed; look at Kafka.
     * </pre>
     */
    default void getTransaction(dev.sidecommit.v1.GetTransactionRequest request,
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.GetTransactionResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetTransactionMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service TransactionService.
   * <pre>
   * Begin, Produce (and SendOffsets) any number of times, then Commit or Abort; or all of it in one Transact.
   * The promise is exact: from Kafka to Kafka within one cluster, for readers with isolation.level=read_committed. All of a
   * committed transaction is visible exactly once, nothing of an aborted one ever is.
   * Every call may be repeated, by the same or by a restarted application, before and after a restart of the sidecar;
   * each RPC says what a repeat is answered. A cancelled call, or one past its deadline, goes on in the sidecar; its repeat
   * joins it. A lost connection aborts nothing by itself; the idle timeout does.
   * A call's trace context (metadata traceparent and tracestate, W3C Trace Context; of a stream: as it was opened) goes into the
   * headers of the records that it brings and that have no header traceparent. It is no part of what a repeat must not change.
   * Every refusal carries an ErrorDetail (error.proto) whose next_action says what to do; the reasons below are those that
   * the RPC adds to the ones of every call: INVALID_FIELD (the request is wrong), RECOVERING, KAFKA_UNREACHABLE (send the
   * same call again) and FENCED_BY_RIVAL, NO_SLOT, JOURNAL_FAILED (wait for grpc.health.v1 SERVING).
   * Calls that name a transaction_id may further be refused with NEVER_ISSUED, OUTCOME_FORGOTTEN, or with the reason for
   * which that transaction was aborted, e.g. TIMED_OUT_IDLE (begin again).
   * </pre>
   */
  public static abstract class TransactionServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return TransactionServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service TransactionService.
   * <pre>
   * Begin, Produce (and SendOffsets) any number of times, then Commit or Abort; or all of it in one Transact.
   * The promise is exact: from Kafka to Kafka within one cluster, for readers with isolation.level=read_committed. All of a
   * committed transaction is visible exactly once, nothing of an aborted one ever is.
   * Every call may be repeated, by the same or by a restarted application, before and after a restart of the sidecar;
   * each RPC says what a repeat is answered. A cancelled call, or one past its deadline, goes on in the sidecar; its repeat
   * joins it. A lost connection aborts nothing by itself; the idle timeout does.
   * A call's trace context (metadata traceparent and tracestate, W3C Trace Context; of a stream: as it was opened) goes into the
   * headers of the records that it brings and that have no header traceparent. It is no part of what a repeat must not change.
   * Every refusal carries an ErrorDetail (error.proto) whose next_action says what to do; the reasons below are those that
   * the RPC adds to the ones of every call: INVALID_FIELD (the request is wrong), RECOVERING, KAFKA_UNREACHABLE (send the
   * same call again) and FENCED_BY_RIVAL, NO_SLOT, JOURNAL_FAILED (wait for grpc.health.v1 SERVING).
   * Calls that name a transaction_id may further be refused with NEVER_ISSUED, OUTCOME_FORGOTTEN, or with the reason for
   * which that transaction was aborted, e.g. TIMED_OUT_IDLE (begin again).
   * </pre>
   */
  public static final class TransactionServiceStub
      extends io.grpc.stub.AbstractAsyncStub<TransactionServiceStub> {
    private TransactionServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected TransactionServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new TransactionServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * What the sidecar is, what it can do and its limits. Answered in every state; read it once at start.
     * Over a Unix socket some gRPC libraries send the socket's path as :authority. The server accepts that; where a proxy
     * in between does not, set the channel option grpc.default_authority (or your language's) to "localhost".
     * </pre>
     */
    public void getServerInfo(dev.sidecommit.v1.GetServerInfoRequest request,
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.GetServerInfoResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetServerInfoMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Begins a transaction.
     * A repeat with the same request_id returns the same transaction, while it is open or remembered; in place of one that was
     * aborted it begins a new one. So after any failure of the call, repeat it.
     * REQUEST_REUSED: the request_id was used with other fields; take a new one.
     * OPEN_TRANSACTIONS_EXCEEDED, QUEUE_EXCEEDED, BUFFER_EXCEEDED: repeat after RetryInfo's delay, finish others meanwhile.
     * DRAINING: the sidecar is stopping; wait for the next one.
     * </pre>
     */
    public void begin(dev.sidecommit.v1.BeginRequest request,
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.BeginResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getBeginMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Adds records. The answer means accepted, not committed.
     * An index is accepted once: a repeat is acknowledged and adds nothing, so after any failure of the call, repeat it.
     * SEQUENCE_GAP: an earlier call is missing; send from next_sequence on.
     * UNKNOWN_TOPIC, PARTITION_OUT_OF_RANGE, RECORD_TOO_LARGE, INVALID_TIMESTAMP, KEY_REQUIRED: record_index is wrong;
     * nothing of this call was added and the transaction goes on: send it corrected, or without that record.
     * TRANSACTION_TOO_LARGE: commit what is there, or abort. BUFFER_EXCEEDED: repeat after RetryInfo's delay.
     * NOT_OPEN: Commit or Abort was asked before; nothing can be added.
     * </pre>
     */
    public void produce(dev.sidecommit.v1.ProduceRequest request,
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.ProduceResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getProduceMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Produce for many records: one transaction a stream, much faster than single calls. The sidecar reads no further than
     * it can take, so sending needs no other flow control than gRPC's own: where a Produce would be refused with
     * BUFFER_EXCEEDED the stream waits. While it waits its transaction is not idle.
     * Acks are coalesced: each says how far the records are accepted. After the application's half-close the last ack comes,
     * then the end. A refused message ends the stream with its reason (as Produce); messages before it stay accepted. After
     * the stream broke, for any cause: open another, go on from the last next_sequence known; repeats are acknowledged.
     * Commit only with the record_count of what was sent in all: it is a call of its own that may overtake the stream.
     * </pre>
     */
    public io.grpc.stub.StreamObserver<dev.sidecommit.v1.ProduceStreamRequest> produceStream(
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.ProduceStreamResponse> responseObserver) {
      return io.grpc.stub.ClientCalls.asyncBidiStreamingCall(
          getChannel().newCall(getProduceStreamMethod(), getCallOptions()), responseObserver);
    }

    /**
     * <pre>
     * Adds consumer offsets, to be committed with the transaction. Per group, topic and partition the last one counts, so a
     * repeat changes nothing; after any failure of the call, repeat it.
     * UNKNOWN_TOPIC, PARTITION_OUT_OF_RANGE: nothing of the call was added, the transaction goes on.
     * DELIVERY_TAKEN: another open transaction holds the delivery; nothing of the call was added, the transaction goes on.
     * DELIVERY_REVOKED: the delivery is void, so the sidecar has aborted the transaction: begin again with what is delivered
     * next, which need not be the same records.
     * NOT_OPEN: Commit or Abort was asked before.
     * </pre>
     */
    public void sendOffsets(dev.sidecommit.v1.SendOffsetsRequest request,
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.SendOffsetsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSendOffsetsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Keeps transactions from their idle timeout while the application works on something else. Does not move deadlines.
     * </pre>
     */
    public void keepAlive(dev.sidecommit.v1.KeepAliveRequest request,
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.KeepAliveResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getKeepAliveMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Commits. OK means: committed, visible to read_committed readers, for good.
     * After any failure whose next_action is not another one (a deadline, a lost connection, OUTCOME_PENDING): repeat the
     * same Commit until it is answered. Repeats join the running commit or get the stored answer, also after a restart.
     * INCOMPLETE: the counts differ from what was accepted; the transaction stays open: send what is missing from
     * next_sequence on, then the same Commit.
     * DELIVERY_TAKEN: another open transaction holds one of delivery_ids; nothing was added, the transaction stays open.
     * ABORTED_BY_CALLER: Abort came first. RECORD_REJECTED, TOPIC_DENIED, GROUP_DENIED, TRANSACTIONAL_ID_DENIED, REBALANCED,
     * FENCED, TIMED_OUT, TIMED_OUT_IDLE, DRAINED, SIDECAR_RESTARTED, BUFFER_PRESSURE, ABORTED_BY_OPERATOR, KAFKA_FAILED,
     * DELIVERY_REVOKED, DELIVERY_TIMED_OUT, SESSION_LOST: it was aborted and nothing of it is visible. The deliveries that it
     * held are void, whatever the reason: what is delivered next is the work to begin again with. Deliveries that it did not
     * hold yet are outstanding still: Release them.
     * OUTCOME_UNKNOWN: Kafka can no longer tell; a person has to look at ErrorDetail.coordinate.
     * </pre>
     */
    public void commit(dev.sidecommit.v1.CommitRequest request,
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.CommitResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCommitMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Aborts. OK means: aborted, nothing of it will ever be visible to read_committed readers. Deliveries that it did not hold
     * yet are outstanding still: Release them.
     * A repeat gets the same answer; after any failure of the call, repeat it. Of a transaction that is committing or in
     * doubt the call waits for the outcome. ALREADY_COMMITTED: the Commit won. OUTCOME_PENDING: repeat it.
     * Deliveries that the transaction held are delivered again. Those with failures count as attempted, see RetryPolicy; those
     * without do not: an Abort without any failures blames nobody, and its deliveries come again after RetryPolicy's backoff.
     * </pre>
     */
    public void abort(dev.sidecommit.v1.AbortRequest request,
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.AbortResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getAbortMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * A whole transaction in one call: the fastest way for small ones. OK means as Commit's.
     * After any failure of the call: repeat it with the same idempotency_key, the same content and first_attempt_time set
     * to when the key was first tried. Of the attempts with one key at most one is ever committed: a key in flight is
     * joined, a committed one gets the stored answer, an aborted one is tried anew.
     * KEY_REUSED: the key was used with other content. Delivery ids are content, and records that are delivered again come under
     * other ids: with deliveries a key names the attempt, not the records.
     * OUTCOME_FORGOTTEN: the first attempt is older than what the sidecar remembers; it may have been committed: look at Kafka
     * before doing the work again.
     * Reasons of Begin, Produce, SendOffsets and Commit apply; nothing is ever left open. DELIVERY_REVOKED, also for deliveries of
     * another member or another life of the application: begin with what is delivered, under a key of its own.
     * </pre>
     */
    public void transact(dev.sidecommit.v1.TransactRequest request,
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.TransactResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getTransactMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * What became of a transaction. With wait it answers when the outcome is there, or at the call's deadline.
     * A read: repeat it at will. NEVER_ISSUED: begin (again). OUTCOME_FORGOTTEN: it may have been committed; look at Kafka.
     * </pre>
     */
    public void getTransaction(dev.sidecommit.v1.GetTransactionRequest request,
        io.grpc.stub.StreamObserver<dev.sidecommit.v1.GetTransactionResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetTransactionMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service TransactionService.
   * <pre>
   * Begin, Produce (and SendOffsets) any number of times, then Commit or Abort; or all of it in one Transact.
   * The promise is exact: from Kafka to Kafka within one cluster, for readers with isolation.level=read_committed. All of a
   * committed transaction is visible exactly once, nothing of an aborted one ever is.
   * Every call may be repeated, by the same or by a restarted application, before and after a restart of the sidecar;
   * each RPC says what a repeat is answered. A cancelled call, or one past its deadline, goes on in the sidecar; its repeat
   * joins it. A lost connection aborts nothing by itself; the idle timeout does.
   * A call's trace context (metadata traceparent and tracestate, W3C Trace Context; of a stream: as it was opened) goes into the
   * headers of the records that it brings and that have no header traceparent. It is no part of what a repeat must not change.
   * Every refusal carries an ErrorDetail (error.proto) whose next_action says what to do; the reasons below are those that
   * the RPC adds to the ones of every call: INVALID_FIELD (the request is wrong), RECOVERING, KAFKA_UNREACHABLE (send the
   * same call again) and FENCED_BY_RIVAL, NO_SLOT, JOURNAL_FAILED (wait for grpc.health.v1 SERVING).
   * Calls that name a transaction_id may further be refused with NEVER_ISSUED, OUTCOME_FORGOTTEN, or with the reason for
   * which that transaction was aborted, e.g. TIMED_OUT_IDLE (begin again).
   * </pre>
   */
  public static final class TransactionServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<TransactionServiceBlockingV2Stub> {
    private TransactionServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected TransactionServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new TransactionServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * What the sidecar is, what it can do and its limits. Answered in every state; read it once at start.
     * Over a Unix socket some gRPC libraries send the socket's path as :authority. The server accepts that; where a proxy
     * in between does not, set the channel option grpc.default_authority (or your language's) to "localhost".
     * </pre>
     */
    public dev.sidecommit.v1.GetServerInfoResponse getServerInfo(dev.sidecommit.v1.GetServerInfoRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetServerInfoMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Begins a transaction.
     * A repeat with the same request_id returns the same transaction, while it is open or remembered; in place of one that was
     * aborted it begins a new one. So after any failure of the call, repeat it.
     * REQUEST_REUSED: the request_id was used with other fields; take a new one.
     * OPEN_TRANSACTIONS_EXCEEDED, QUEUE_EXCEEDED, BUFFER_EXCEEDED: repeat after RetryInfo's delay, finish others meanwhile.
     * DRAINING: the sidecar is stopping; wait for the next one.
     * </pre>
     */
    public dev.sidecommit.v1.BeginResponse begin(dev.sidecommit.v1.BeginRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getBeginMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Adds records. The answer means accepted, not committed.
     * An index is accepted once: a repeat is acknowledged and adds nothing, so after any failure of the call, repeat it.
     * SEQUENCE_GAP: an earlier call is missing; send from next_sequence on.
     * UNKNOWN_TOPIC, PARTITION_OUT_OF_RANGE, RECORD_TOO_LARGE, INVALID_TIMESTAMP, KEY_REQUIRED: record_index is wrong;
     * nothing of this call was added and the transaction goes on: send it corrected, or without that record.
     * TRANSACTION_TOO_LARGE: commit what is there, or abort. BUFFER_EXCEEDED: repeat after RetryInfo's delay.
     * NOT_OPEN: Commit or Abort was asked before; nothing can be added.
     * </pre>
     */
    public dev.sidecommit.v1.ProduceResponse produce(dev.sidecommit.v1.ProduceRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getProduceMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Produce for many records: one transaction a stream, much faster than single calls. The sidecar reads no further than
     * it can take, so sending needs no other flow control than gRPC's own: where a Produce would be refused with
     * BUFFER_EXCEEDED the stream waits. While it waits its transaction is not idle.
     * Acks are coalesced: each says how far the records are accepted. After the application's half-close the last ack comes,
     * then the end. A refused message ends the stream with its reason (as Produce); messages before it stay accepted. After
     * the stream broke, for any cause: open another, go on from the last next_sequence known; repeats are acknowledged.
     * Commit only with the record_count of what was sent in all: it is a call of its own that may overtake the stream.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<dev.sidecommit.v1.ProduceStreamRequest, dev.sidecommit.v1.ProduceStreamResponse>
        produceStream() {
      return io.grpc.stub.ClientCalls.blockingBidiStreamingCall(
          getChannel(), getProduceStreamMethod(), getCallOptions());
    }

    /**
     * <pre>
     * Adds consumer offsets, to be committed with the transaction. Per group, topic and partition the last one counts, so a
     * repeat changes nothing; after any failure of the call, repeat it.
     * UNKNOWN_TOPIC, PARTITION_OUT_OF_RANGE: nothing of the call was added, the transaction goes on.
     * DELIVERY_TAKEN: another open transaction holds the delivery; nothing of the call was added, the transaction goes on.
     * DELIVERY_REVOKED: the delivery is void, so the sidecar has aborted the transaction: begin again with what is delivered
     * next, which need not be the same records.
     * NOT_OPEN: Commit or Abort was asked before.
     * </pre>
     */
    public dev.sidecommit.v1.SendOffsetsResponse sendOffsets(dev.sidecommit.v1.SendOffsetsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getSendOffsetsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Keeps transactions from their idle timeout while the application works on something else. Does not move deadlines.
     * </pre>
     */
    public dev.sidecommit.v1.KeepAliveResponse keepAlive(dev.sidecommit.v1.KeepAliveRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getKeepAliveMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Commits. OK means: committed, visible to read_committed readers, for good.
     * After any failure whose next_action is not another one (a deadline, a lost connection, OUTCOME_PENDING): repeat the
     * same Commit until it is answered. Repeats join the running commit or get the stored answer, also after a restart.
     * INCOMPLETE: the counts differ from what was accepted; the transaction stays open: send what is missing from
     * next_sequence on, then the same Commit.
     * DELIVERY_TAKEN: another open transaction holds one of delivery_ids; nothing was added, the transaction stays open.
     * ABORTED_BY_CALLER: Abort came first. RECORD_REJECTED, TOPIC_DENIED, GROUP_DENIED, TRANSACTIONAL_ID_DENIED, REBALANCED,
     * FENCED, TIMED_OUT, TIMED_OUT_IDLE, DRAINED, SIDECAR_RESTARTED, BUFFER_PRESSURE, ABORTED_BY_OPERATOR, KAFKA_FAILED,
     * DELIVERY_REVOKED, DELIVERY_TIMED_OUT, SESSION_LOST: it was aborted and nothing of it is visible. The deliveries that it
     * held are void, whatever the reason: what is delivered next is the work to begin again with. Deliveries that it did not
     * hold yet are outstanding still: Release them.
     * OUTCOME_UNKNOWN: Kafka can no longer tell; a person has to look at ErrorDetail.coordinate.
     * </pre>
     */
    public dev.sidecommit.v1.CommitResponse commit(dev.sidecommit.v1.CommitRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCommitMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Aborts. OK means: aborted, nothing of it will ever be visible to read_committed readers. Deliveries that it did not hold
     * yet are outstanding still: Release them.
     * A repeat gets the same answer; after any failure of the call, repeat it. Of a transaction that is committing or in
     * doubt the call waits for the outcome. ALREADY_COMMITTED: the Commit won. OUTCOME_PENDING: repeat it.
     * Deliveries that the transaction held are delivered again. Those with failures count as attempted, see RetryPolicy; those
     * without do not: an Abort without any failures blames nobody, and its deliveries come again after RetryPolicy's backoff.
     * </pre>
     */
    public dev.sidecommit.v1.AbortResponse abort(dev.sidecommit.v1.AbortRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getAbortMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * A whole transaction in one call: the fastest way for small ones. OK means as Commit's.
     * After any failure of the call: repeat it with the same idempotency_key, the same content and first_attempt_time set
     * to when the key was first tried. Of the attempts with one key at most one is ever committed: a key in flight is
     * joined, a committed one gets the stored answer, an aborted one is tried anew.
     * KEY_REUSED: the key was used with other content. Delivery ids are content, and records that are delivered again come under
     * other ids: with deliveries a key names the attempt, not the records.
     * OUTCOME_FORGOTTEN: the first attempt is older than what the sidecar remembers; it may have been committed: look at Kafka
     * before doing the work again.
     * Reasons of Begin, Produce, SendOffsets and Commit apply; nothing is ever left open. DELIVERY_REVOKED, also for deliveries of
     * another member or another life of the application: begin with what is delivered, under a key of its own.
     * </pre>
     */
    public dev.sidecommit.v1.TransactResponse transact(dev.sidecommit.v1.TransactRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getTransactMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * What became of a transaction. With wait it answers when the outcome is there, or at the call's deadline.
     * A read: repeat it at will. NEVER_ISSUED: begin (again). OUTCOME_FORGOTTEN: it may have been committed; look at Kafka.
     * </pre>
     */
    public dev.sidecommit.v1.GetTransactionResponse getTransaction(dev.sidecommit.v1.GetTransactionRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetTransactionMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service TransactionService.
   * <pre>
   * Begin, Produce (and SendOffsets) any number of times, then Commit or Abort; or all of it in one Transact.
   * The promise is exact: from Kafka to Kafka within one cluster, for readers with isolation.level=read_committed. All of a
   * committed transaction is visible exactly once, nothing of an aborted one ever is.
   * Every call may be repeated, by the same or by a restarted application, before and after a restart of the sidecar;
   * each RPC says what a repeat is answered. A cancelled call, or one past its deadline, goes on in the sidecar; its repeat
   * joins it. A lost connection aborts nothing by itself; the idle timeout does.
   * A call's trace context (metadata traceparent and tracestate, W3C Trace Context; of a stream: as it was opened) goes into the
   * headers of the records that it brings and that have no header traceparent. It is no part of what a repeat must not change.
   * Every refusal carries an ErrorDetail (error.proto) whose next_action says what to do; the reasons below are those that
   * the RPC adds to the ones of every call: INVALID_FIELD (the request is wrong), RECOVERING, KAFKA_UNREACHABLE (send the
   * same call again) and FENCED_BY_RIVAL, NO_SLOT, JOURNAL_FAILED (wait for grpc.health.v1 SERVING).
   * Calls that name a transaction_id may further be refused with NEVER_ISSUED, OUTCOME_FORGOTTEN, or with the reason for
   * which that transaction was aborted, e.g. TIMED_OUT_IDLE (begin again).
   * </pre>
   */
  public static final class TransactionServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<TransactionServiceBlockingStub> {
    private TransactionServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected TransactionServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new TransactionServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * What the sidecar is, what it can do and its limits. Answered in every state; read it once at start.
     * Over a Unix socket some gRPC libraries send the socket's path as :authority. The server accepts that; where a proxy
     * in between does not, set the channel option grpc.default_authority (or your language's) to "localhost".
     * </pre>
     */
    public dev.sidecommit.v1.GetServerInfoResponse getServerInfo(dev.sidecommit.v1.GetServerInfoRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetServerInfoMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Begins a transaction.
     * A repeat with the same request_id returns the same transaction, while it is open or remembered; in place of one that was
     * aborted it begins a new one. So after any failure of the call, repeat it.
     * REQUEST_REUSED: the request_id was used with other fields; take a new one.
     * OPEN_TRANSACTIONS_EXCEEDED, QUEUE_EXCEEDED, BUFFER_EXCEEDED: repeat after RetryInfo's delay, finish others meanwhile.
     * DRAINING: the sidecar is stopping; wait for the next one.
     * </pre>
     */
    public dev.sidecommit.v1.BeginResponse begin(dev.sidecommit.v1.BeginRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getBeginMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Adds records. The answer means accepted, not committed.
     * An index is accepted once: a repeat is acknowledged and adds nothing, so after any failure of the call, repeat it.
     * SEQUENCE_GAP: an earlier call is missing; send from next_sequence on.
     * UNKNOWN_TOPIC, PARTITION_OUT_OF_RANGE, RECORD_TOO_LARGE, INVALID_TIMESTAMP, KEY_REQUIRED: record_index is wrong;
     * nothing of this call was added and the transaction goes on: send it corrected, or without that record.
     * TRANSACTION_TOO_LARGE: commit what is there, or abort. BUFFER_EXCEEDED: repeat after RetryInfo's delay.
     * NOT_OPEN: Commit or Abort was asked before; nothing can be added.
     * </pre>
     */
    public dev.sidecommit.v1.ProduceResponse produce(dev.sidecommit.v1.ProduceRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getProduceMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Adds consumer offsets, to be committed with the transaction. Per group, topic and partition the last one counts, so a
     * repeat changes nothing; after any failure of the call, repeat it.
     * UNKNOWN_TOPIC, PARTITION_OUT_OF_RANGE: nothing of the call was added, the transaction goes on.
     * DELIVERY_TAKEN: another open transaction holds the delivery; nothing of the call was added, the transaction goes on.
     * DELIVERY_REVOKED: the delivery is void, so the sidecar has aborted the transaction: begin again with what is delivered
     * next, which need not be the same records.
     * NOT_OPEN: Commit or Abort was asked before.
     * </pre>
     */
    public dev.sidecommit.v1.SendOffsetsResponse sendOffsets(dev.sidecommit.v1.SendOffsetsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSendOffsetsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Keeps transactions from their idle timeout while the application works on something else. Does not move deadlines.
     * </pre>
     */
    public dev.sidecommit.v1.KeepAliveResponse keepAlive(dev.sidecommit.v1.KeepAliveRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getKeepAliveMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Commits. OK means: committed, visible to read_committed readers, for good.
     * After any failure whose next_action is not another one (a deadline, a lost connection, OUTCOME_PENDING): repeat the
     * same Commit until it is answered. Repeats join the running commit or get the stored answer, also after a restart.
     * INCOMPLETE: the counts differ from what was accepted; the transaction stays open: send what is missing from
     * next_sequence on, then the same Commit.
     * DELIVERY_TAKEN: another open transaction holds one of delivery_ids; nothing was added, the transaction stays open.
     * ABORTED_BY_CALLER: Abort came first. RECORD_REJECTED, TOPIC_DENIED, GROUP_DENIED, TRANSACTIONAL_ID_DENIED, REBALANCED,
     * FENCED, TIMED_OUT, TIMED_OUT_IDLE, DRAINED, SIDECAR_RESTARTED, BUFFER_PRESSURE, ABORTED_BY_OPERATOR, KAFKA_FAILED,
     * DELIVERY_REVOKED, DELIVERY_TIMED_OUT, SESSION_LOST: it was aborted and nothing of it is visible. The deliveries that it
     * held are void, whatever the reason: what is delivered next is the work to begin again with. Deliveries that it did not
     * hold yet are outstanding still: Release them.
     * OUTCOME_UNKNOWN: Kafka can no longer tell; a person has to look at ErrorDetail.coordinate.
     * </pre>
     */
    public dev.sidecommit.v1.CommitResponse commit(dev.sidecommit.v1.CommitRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCommitMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Aborts. OK means: aborted, nothing of it will ever be visible to read_committed readers. Deliveries that it did not hold
     * yet are outstanding still: Release them.
     * A repeat gets the same answer; after any failure of the call, repeat it. Of a transaction that is committing or in
     * doubt the call waits for the outcome. ALREADY_COMMITTED: the Commit won. OUTCOME_PENDING: repeat it.
     * Deliveries that the transaction held are delivered again. Those with failures count as attempted, see RetryPolicy; those
     * without do not: an Abort without any failures blames nobody, and its deliveries come again after RetryPolicy's backoff.
     * </pre>
     */
    public dev.sidecommit.v1.AbortResponse abort(dev.sidecommit.v1.AbortRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getAbortMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * A whole transaction in one call: the fastest way for small ones. OK means as Commit's.
     * After any failure of the call: repeat it with the same idempotency_key, the same content and first_attempt_time set
     * to when the key was first tried. Of the attempts with one key at most one is ever committed: a key in flight is
     * joined, a committed one gets the stored answer, an aborted one is tried anew.
     * KEY_REUSED: the key was used with other content. Delivery ids are content, and records that are delivered again come under
     * other ids: with deliveries a key names the attempt, not the records.
     * OUTCOME_FORGOTTEN: the first attempt is older than what the sidecar remembers; it may have been committed: look at Kafka
     * before doing the work again.
     * Reasons of Begin, Produce, SendOffsets and Commit apply; nothing is ever left open. DELIVERY_REVOKED, also for deliveries of
     * another member or another life of the application: begin with what is delivered, under a key of its own.
     * </pre>
     */
    public dev.sidecommit.v1.TransactResponse transact(dev.sidecommit.v1.TransactRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getTransactMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * What became of a transaction. With wait it answers when the outcome is there, or at the call's deadline.
     * A read: repeat it at will. NEVER_ISSUED: begin (again). OUTCOME_FORGOTTEN: it may have been committed; look at Kafka.
     * </pre>
     */
    public dev.sidecommit.v1.GetTransactionResponse getTransaction(dev.sidecommit.v1.GetTransactionRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetTransactionMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service TransactionService.
   * <pre>
   * Begin, Produce (and SendOffsets) any number of times, then Commit or Abort; or all of it in one Transact.
   * The promise is exact: from Kafka to Kafka within one cluster, for readers with isolation.level=read_committed. All of a
   * committed transaction is visible exactly once, nothing of an aborted one ever is.
   * Every call may be repeated, by the same or by a restarted application, before and after a restart of the sidecar;
   * each RPC says what a repeat is answered. A cancelled call, or one past its deadline, goes on in the sidecar; its repeat
   * joins it. A lost connection aborts nothing by itself; the idle timeout does.
   * A call's trace context (metadata traceparent and tracestate, W3C Trace Context; of a stream: as it was opened) goes into the
   * headers of the records that it brings and that have no header traceparent. It is no part of what a repeat must not change.
   * Every refusal carries an ErrorDetail (error.proto) whose next_action says what to do; the reasons below are those that
   * the RPC adds to the ones of every call: INVALID_FIELD (the request is wrong), RECOVERING, KAFKA_UNREACHABLE (send the
   * same call again) and FENCED_BY_RIVAL, NO_SLOT, JOURNAL_FAILED (wait for grpc.health.v1 SERVING).
   * Calls that name a transaction_id may further be refused with NEVER_ISSUED, OUTCOME_FORGOTTEN, or with the reason for
   * which that transaction was aborted, e.g. TIMED_OUT_IDLE (begin again).
   * </pre>
   */
  public static final class TransactionServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<TransactionServiceFutureStub> {
    private TransactionServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected TransactionServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new TransactionServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * What the sidecar is, what it can do and its limits. Answered in every state; read it once at start.
     * Over a Unix socket some gRPC libraries send the socket's path as :authority. The server accepts that; where a proxy
     * in between does not, set the channel option grpc.default_authority (or your language's) to "localhost".
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.sidecommit.v1.GetServerInfoResponse> getServerInfo(
        dev.sidecommit.v1.GetServerInfoRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetServerInfoMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Begins a transaction.
     * A repeat with the same request_id returns the same transaction, while it is open or remembered; in place of one that was
     * aborted it begins a new one. So after any failure of the call, repeat it.
     * REQUEST_REUSED: the request_id was used with other fields; take a new one.
     * OPEN_TRANSACTIONS_EXCEEDED, QUEUE_EXCEEDED, BUFFER_EXCEEDED: repeat after RetryInfo's delay, finish others meanwhile.
     * DRAINING: the sidecar is stopping; wait for the next one.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.sidecommit.v1.BeginResponse> begin(
        dev.sidecommit.v1.BeginRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getBeginMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Adds records. The answer means accepted, not committed.
     * An index is accepted once: a repeat is acknowledged and adds nothing, so after any failure of the call, repeat it.
     * SEQUENCE_GAP: an earlier call is missing; send from next_sequence on.
     * UNKNOWN_TOPIC, PARTITION_OUT_OF_RANGE, RECORD_TOO_LARGE, INVALID_TIMESTAMP, KEY_REQUIRED: record_index is wrong;
     * nothing of this call was added and the transaction goes on: send it corrected, or without that record.
     * TRANSACTION_TOO_LARGE: commit what is there, or abort. BUFFER_EXCEEDED: repeat after RetryInfo's delay.
     * NOT_OPEN: Commit or Abort was asked before; nothing can be added.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.sidecommit.v1.ProduceResponse> produce(
        dev.sidecommit.v1.ProduceRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getProduceMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Adds consumer offsets, to be committed with the transaction. Per group, topic and partition the last one counts, so a
     * repeat changes nothing; after any failure of the call, repeat it.
     * UNKNOWN_TOPIC, PARTITION_OUT_OF_RANGE: nothing of the call was added, the transaction goes on.
     * DELIVERY_TAKEN: another open transaction holds the delivery; nothing of the call was added, the transaction goes on.
     * DELIVERY_REVOKED: the delivery is void, so the sidecar has aborted the transaction: begin again with what is delivered
     * next, which need not be the same records.
     * NOT_OPEN: Commit or Abort was asked before.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.sidecommit.v1.SendOffsetsResponse> sendOffsets(
        dev.sidecommit.v1.SendOffsetsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSendOffsetsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Keeps transactions from their idle timeout while the application works on something else. Does not move deadlines.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.sidecommit.v1.KeepAliveResponse> keepAlive(
        dev.sidecommit.v1.KeepAliveRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getKeepAliveMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Commits. OK means: committed, visible to read_committed readers, for good.
     * After any failure whose next_action is not another one (a deadline, a lost connection, OUTCOME_PENDING): repeat the
     * same Commit until it is answered. Repeats join the running commit or get the stored answer, also after a restart.
     * INCOMPLETE: the counts differ from what was accepted; the transaction stays open: send what is missing from
     * next_sequence on, then the same Commit.
     * DELIVERY_TAKEN: another open transaction holds one of delivery_ids; nothing was added, the transaction stays open.
     * ABORTED_BY_CALLER: Abort came first. RECORD_REJECTED, TOPIC_DENIED, GROUP_DENIED, TRANSACTIONAL_ID_DENIED, REBALANCED,
     * FENCED, TIMED_OUT, TIMED_OUT_IDLE, DRAINED, SIDECAR_RESTARTED, BUFFER_PRESSURE, ABORTED_BY_OPERATOR, KAFKA_FAILED,
     * DELIVERY_REVOKED, DELIVERY_TIMED_OUT, SESSION_LOST: it was aborted and nothing of it is visible. The deliveries that it
     * held are void, whatever the reason: what is delivered next is the work to begin again with. Deliveries that it did not
     * hold yet are outstanding still: Release them.
     * OUTCOME_UNKNOWN: Kafka can no longer tell; a person has to look at ErrorDetail.coordinate.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.sidecommit.v1.CommitResponse> commit(
        dev.sidecommit.v1.CommitRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCommitMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Aborts. OK means: aborted, nothing of it will ever be visible to read_committed readers. Deliveries that it did not hold
     * yet are outstanding still: Release them.
     * A repeat gets the same answer; after any failure of the call, repeat it. Of a transaction that is committing or in
     * doubt the call waits for the outcome. ALREADY_COMMITTED: the Commit won. OUTCOME_PENDING: repeat it.
     * Deliveries that the transaction held are delivered again. Those with failures count as attempted, see RetryPolicy; those
     * without do not: an Abort without any failures blames nobody, and its deliveries come again after RetryPolicy's backoff.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.sidecommit.v1.AbortResponse> abort(
        dev.sidecommit.v1.AbortRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getAbortMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * A whole transaction in one call: the fastest way for small ones. OK means as Commit's.
     * After any failure of the call: repeat it with the same idempotency_key, the same content and first_attempt_time set
     * to when the key was first tried. Of the attempts with one key at most one is ever committed: a key in flight is
     * joined, a committed one gets the stored answer, an aborted one is tried anew.
     * KEY_REUSED: the key was used with other content. Delivery ids are content, and records that are delivered again come under
     * other ids: with deliveries a key names the attempt, not the records.
     * OUTCOME_FORGOTTEN: the first attempt is older than what the sidecar remembers; it may have been committed: look at Kafka
     * before doing the work again.
     * Reasons of Begin, Produce, SendOffsets and Commit apply; nothing is ever left open. DELIVERY_REVOKED, also for deliveries of
     * another member or another life of the application: begin with what is delivered, under a key of its own.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.sidecommit.v1.TransactResponse> transact(
        dev.sidecommit.v1.TransactRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getTransactMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * What became of a transaction. With wait it answers when the outcome is there, or at the call's deadline.
     * A read: repeat it at will. NEVER_ISSUED: begin (again). OUTCOME_FORGOTTEN: it may have been committed; look at Kafka.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.sidecommit.v1.GetTransactionResponse> getTransaction(
        dev.sidecommit.v1.GetTransactionRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetTransactionMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_GET_SERVER_INFO = 0;
  private static final int METHODID_BEGIN = 1;
  private static final int METHODID_PRODUCE = 2;
  private static final int METHODID_SEND_OFFSETS = 3;
  private static final int METHODID_KEEP_ALIVE = 4;
  private static final int METHODID_COMMIT = 5;
  private static final int METHODID_ABORT = 6;
  private static final int METHODID_TRANSACT = 7;
  private static final int METHODID_GET_TRANSACTION = 8;
  private static final int METHODID_PRODUCE_STREAM = 9;

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
        case METHODID_GET_SERVER_INFO:
          serviceImpl.getServerInfo((dev.sidecommit.v1.GetServerInfoRequest) request,
              (io.grpc.stub.StreamObserver<dev.sidecommit.v1.GetServerInfoResponse>) responseObserver);
          break;
        case METHODID_BEGIN:
          serviceImpl.begin((dev.sidecommit.v1.BeginRequest) request,
              (io.grpc.stub.StreamObserver<dev.sidecommit.v1.BeginResponse>) responseObserver);
          break;
        case METHODID_PRODUCE:
          serviceImpl.produce((dev.sidecommit.v1.ProduceRequest) request,
              (io.grpc.stub.StreamObserver<dev.sidecommit.v1.ProduceResponse>) responseObserver);
          break;
        case METHODID_SEND_OFFSETS:
          serviceImpl.sendOffsets((dev.sidecommit.v1.SendOffsetsRequest) request,
              (io.grpc.stub.StreamObserver<dev.sidecommit.v1.SendOffsetsResponse>) responseObserver);
          break;
        case METHODID_KEEP_ALIVE:
          serviceImpl.keepAlive((dev.sidecommit.v1.KeepAliveRequest) request,
              (io.grpc.stub.StreamObserver<dev.sidecommit.v1.KeepAliveResponse>) responseObserver);
          break;
        case METHODID_COMMIT:
          serviceImpl.commit((dev.sidecommit.v1.CommitRequest) request,
              (io.grpc.stub.StreamObserver<dev.sidecommit.v1.CommitResponse>) responseObserver);
          break;
        case METHODID_ABORT:
          serviceImpl.abort((dev.sidecommit.v1.AbortRequest) request,
              (io.grpc.stub.StreamObserver<dev.sidecommit.v1.AbortResponse>) responseObserver);
          break;
        case METHODID_TRANSACT:
          serviceImpl.transact((dev.sidecommit.v1.TransactRequest) request,
              (io.grpc.stub.StreamObserver<dev.sidecommit.v1.TransactResponse>) responseObserver);
          break;
        case METHODID_GET_TRANSACTION:
          serviceImpl.getTransaction((dev.sidecommit.v1.GetTransactionRequest) request,
              (io.grpc.stub.StreamObserver<dev.sidecommit.v1.GetTransactionResponse>) responseObserver);
          break;
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_PRODUCE_STREAM:
          return (io.grpc.stub.StreamObserver<Req>) serviceImpl.produceStream(
              (io.grpc.stub.StreamObserver<dev.sidecommit.v1.ProduceStreamResponse>) responseObserver);
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getGetServerInfoMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.sidecommit.v1.GetServerInfoRequest,
              dev.sidecommit.v1.GetServerInfoResponse>(
                service, METHODID_GET_SERVER_INFO)))
        .addMethod(
          getBeginMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.sidecommit.v1.BeginRequest,
              dev.sidecommit.v1.BeginResponse>(
                service, METHODID_BEGIN)))
        .addMethod(
          getProduceMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.sidecommit.v1.ProduceRequest,
              dev.sidecommit.v1.ProduceResponse>(
                service, METHODID_PRODUCE)))
        .addMethod(
          getProduceStreamMethod(),
          io.grpc.stub.ServerCalls.asyncBidiStreamingCall(
            new MethodHandlers<
              dev.sidecommit.v1.ProduceStreamRequest,
              dev.sidecommit.v1.ProduceStreamResponse>(
                service, METHODID_PRODUCE_STREAM)))
        .addMethod(
          getSendOffsetsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.sidecommit.v1.SendOffsetsRequest,
              dev.sidecommit.v1.SendOffsetsResponse>(
                service, METHODID_SEND_OFFSETS)))
        .addMethod(
          getKeepAliveMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.sidecommit.v1.KeepAliveRequest,
              dev.sidecommit.v1.KeepAliveResponse>(
                service, METHODID_KEEP_ALIVE)))
        .addMethod(
          getCommitMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.sidecommit.v1.CommitRequest,
              dev.sidecommit.v1.CommitResponse>(
                service, METHODID_COMMIT)))
        .addMethod(
          getAbortMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.sidecommit.v1.AbortRequest,
              dev.sidecommit.v1.AbortResponse>(
                service, METHODID_ABORT)))
        .addMethod(
          getTransactMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.sidecommit.v1.TransactRequest,
              dev.sidecommit.v1.TransactResponse>(
                service, METHODID_TRANSACT)))
        .addMethod(
          getGetTransactionMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.sidecommit.v1.GetTransactionRequest,
              dev.sidecommit.v1.GetTransactionResponse>(
                service, METHODID_GET_TRANSACTION)))
        .build();
  }

  private static abstract class TransactionServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    TransactionServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return dev.sidecommit.v1.TransactionProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("TransactionService");
    }
  }

  private static final class TransactionServiceFileDescriptorSupplier
      extends TransactionServiceBaseDescriptorSupplier {
    TransactionServiceFileDescriptorSupplier() {}
  }

  private static final class TransactionServiceMethodDescriptorSupplier
      extends TransactionServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    TransactionServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (TransactionServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new TransactionServiceFileDescriptorSupplier())
              .addMethod(getGetServerInfoMethod())
              .addMethod(getBeginMethod())
              .addMethod(getProduceMethod())
              .addMethod(getProduceStreamMethod())
              .addMethod(getSendOffsetsMethod())
              .addMethod(getKeepAliveMethod())
              .addMethod(getCommitMethod())
              .addMethod(getAbortMethod())
              .addMethod(getTransactMethod())
              .addMethod(getGetTransactionMethod())
              .build();
        }
      }
    }
    return result;
  }
}

"""What the proto files say: messages (`*_pb2`) and the services' stubs (`*_pb2_grpc`), generated."""

// The translation of gRPC-Web, as the snapshot holds it.

export interface GrpcWebUse {
  readonly kind: "grpcWeb";
}

# The three services, each an image of its own with one static binary in it:
#   docker build --target gateway --tag weir/gateway .
# e2e/dockerfile_test.go runs the commands of this file on what its COPY lines copy. Paths that a RUN line
# writes are relative for that reason.
FROM --platform=$BUILDPLATFORM golang:1.26.8-trixie AS build
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=dev
WORKDIR /src
COPY go.mod go.sum ./
COPY schemas schemas
COPY internal internal
COPY clickhouse clickhouse
COPY gateway gateway
COPY ingest ingest
COPY aggregator aggregator
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags="-s -w -X weir/internal/telemetry.release=$VERSION" -o out/ ./gateway ./ingest ./aggregator
# A volume takes the owner and the mode of the folder that it is mounted on.
RUN mkdir -p -m 700 out/spool

FROM scratch AS base
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
USER 65532:65532

FROM base AS gateway
COPY --from=build --chown=65532:65532 /src/out/spool /var/lib/weir/spool
COPY --from=build /src/out/gateway /usr/local/bin/gateway
ENV WEIR_GATEWAY__LISTEN=0.0.0.0:8080 WEIR_GATEWAY__SPOOL__DIR=/var/lib/weir/spool
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --retries=3 --start-period=5m --start-interval=1s CMD ["/usr/local/bin/gateway", "health"]
ENTRYPOINT ["/usr/local/bin/gateway"]

FROM base AS ingest
COPY --from=build /src/out/ingest /usr/local/bin/ingest
ENV WEIR_INGEST__METRICS_LISTEN=0.0.0.0:9101
EXPOSE 9101
HEALTHCHECK --interval=10s --timeout=5s --retries=3 --start-period=5m --start-interval=1s CMD ["/usr/local/bin/ingest", "health"]
ENTRYPOINT ["/usr/local/bin/ingest"]

FROM base AS aggregator
COPY --from=build /src/out/aggregator /usr/local/bin/aggregator
ENV WEIR_AGGREGATOR__METRICS_LISTEN=0.0.0.0:9102
EXPOSE 9102
HEALTHCHECK --interval=10s --timeout=5s --retries=3 --start-period=5m --start-interval=1s CMD ["/usr/local/bin/aggregator", "health"]
ENTRYPOINT ["/usr/local/bin/aggregator"]

# Kafka Master in an image that holds one static binary, certificates and nothing
# else: no shell, no root.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
# Without the tag gin brings a MessagePack codec that nobody uses, a fifth of the program.
RUN CGO_ENABLED=0 go build -tags nomsgpack -trimpath -buildvcs=false -ldflags "-s -w -X kafka-master/app.version=$VERSION" -o /out/kafka-master . \
 && mkdir -p /out/srv/data /out/srv/input_ip_data /out/srv/results

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/kafka-master /usr/local/bin/kafka-master
# New volumes take over who may write there.
COPY --from=build --chown=65532:65532 /out/srv /srv
WORKDIR /srv
USER 65532:65532
EXPOSE 3001
HEALTHCHECK --interval=10s --timeout=4s --start-period=30s --retries=3 CMD ["/usr/local/bin/kafka-master", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/kafka-master"]

# syntax=docker/dockerfile:1
#
# Checky's images. `make images` builds them; by hand:
#
#   docker build -t checky .                                the controller, the facade and the command line
#   docker build -t checky-alertd --target checky-alertd .  the alert daemon
#   docker buildx build --platform linux/amd64,linux/arm64 .
#
# docs/images.md tells what is in them.

# The bases, by tag. A release is built of digests alone, TAG@sha256:..., which hack/release/reviewed.sh looks for. Another registry's
# copies are given by --build-arg.
ARG GO_IMAGE=docker.io/library/golang:1.26-bookworm
ARG BASE_IMAGE=gcr.io/distroless/static-debian12:nonroot
ARG ALERTD_BASE_IMAGE=gcr.io/distroless/base-debian12:nonroot

# The modules, apart from the source: a layer that only a change of go.mod makes anew. checky is cross-compiled on the
# builder's own platform.
FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS checky-build
ARG GOPROXY
ENV CGO_ENABLED=0 GOFLAGS=-mod=readonly GOTOOLCHAIN=local
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,id=checky-modules,target=/go/pkg/mod,sharing=locked \
    go mod download
COPY . .
ARG TARGETOS=linux
ARG TARGETARCH
ARG VERSION=v0.0.0
ARG REVISION
ARG SOURCE_DATE_EPOCH=0
RUN --mount=type=cache,id=checky-modules,target=/go/pkg/mod,sharing=locked \
    --mount=type=cache,id=checky-build,target=/root/.cache/go-build \
    set -eu; \
    stamp=github.com/checky-dev/checky/cmd/program; \
    GOOS="${TARGETOS}" GOARCH="${TARGETARCH}" GOAMD64=v1 GOARM64=v8.0 go build -trimpath -buildvcs=false \
        -ldflags "-s -w -buildid= -X ${stamp}.version=${VERSION} -X ${stamp}.revision=${REVISION}" \
        -o /out/usr/local/bin/checky ./cmd/checky; \
    install -D -m 0644 -t /out/usr/share/doc/checky LICENSE THIRD_PARTY_NOTICES.txt; \
    find /out -exec touch --no-dereference --date "@${SOURCE_DATE_EPOCH}" {} +

# checky-alertd calls ALSA's library, so that it is built on the platform that it is for, emulated where that is not the builder's.
FROM ${GO_IMAGE} AS checky-alertd-build
# Not pinned: a Debian mirror holds the newest version of a package alone.
# hadolint ignore=DL3008
RUN --mount=type=cache,id=checky-apt,target=/var/cache/apt,sharing=locked \
    set -eu; \
    apt-get update; \
    apt-get install --yes --no-install-recommends gcc libasound2-dev libc6-dev; \
    rm -rf /var/lib/apt/lists/*
ARG GOPROXY
ENV CGO_ENABLED=1 GOFLAGS=-mod=readonly GOTOOLCHAIN=local
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,id=checky-modules,target=/go/pkg/mod,sharing=locked \
    go mod download
COPY . .
ARG VERSION=v0.0.0
ARG REVISION
ARG SOURCE_DATE_EPOCH=0
# With the program go ALSA's library and its configuration, with their licences and, for scanners, the packages' fields.
RUN --mount=type=cache,id=checky-modules,target=/go/pkg/mod,sharing=locked \
    --mount=type=cache,id=checky-build,target=/root/.cache/go-build \
    set -eu; \
    stamp=github.com/checky-dev/checky/cmd/program; \
    GOAMD64=v1 GOARM64=v8.0 go build -trimpath -buildvcs=false \
        -ldflags "-s -w -buildid= -X ${stamp}.version=${VERSION} -X ${stamp}.revision=${REVISION}" \
        -o /out/usr/local/bin/checky-alertd ./cmd/checky-alertd; \
    install -D -m 0644 -t /out/usr/share/doc/checky LICENSE THIRD_PARTY_NOTICES.txt; \
    libraries="usr/lib/$(gcc -print-multiarch)"; \
    mkdir -p "/out/${libraries}" /out/var/lib/dpkg/status.d; \
    cp -a "/${libraries}"/libasound.so.2* "/out/${libraries}/"; \
    cp -a /usr/share/alsa /out/usr/share/; \
    for package in libasound2 libasound2-data; do \
        dpkg-query --status "${package}" >"/out/var/lib/dpkg/status.d/${package}"; \
        install -D -m 0644 -t "/out/usr/share/doc/${package}" "/usr/share/doc/${package}/copyright"; \
    done; \
    find /out -exec touch --no-dereference --date "@${SOURCE_DATE_EPOCH}" {} +

FROM ${ALERTD_BASE_IMAGE} AS checky-alertd
COPY --from=checky-alertd-build /out/ /
ARG VERSION=v0.0.0
ARG REVISION
ARG CREATED
LABEL org.opencontainers.image.title="Checky alert daemon" \
      org.opencontainers.image.description="Sounds a tone on the node when a Check fails" \
      org.opencontainers.image.source="https://github.com/checky-dev/checky" \
      org.opencontainers.image.documentation="https://checky-dev.github.io/checky/" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
WORKDIR /
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/checky-alertd"]

# The last target is what a build without --target makes.
FROM ${BASE_IMAGE} AS checky
COPY --from=checky-build /out/ /
ARG VERSION=v0.0.0
ARG REVISION
ARG CREATED
LABEL org.opencontainers.image.title="Checky" \
      org.opencontainers.image.description="Checks data on Kubernetes by rules and explains each verdict: the controller, the REST facade and the command line" \
      org.opencontainers.image.source="https://github.com/checky-dev/checky" \
      org.opencontainers.image.documentation="https://checky-dev.github.io/checky/" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
WORKDIR /
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/checky"]

module github.com/checky-dev/checky/hack/release

go 1.26.0

require (
	github.com/CycloneDX/cyclonedx-go v0.12.0
	github.com/google/uuid v1.6.0
)

require github.com/google/go-cmp v0.7.0

// Command images builds Checky's container images without a container engine and without a registry: from this
// checkout, the Go toolchain and a few of Debian's packages.
//
//	go -C hack/images run . -version v0.1.0 -out "$PWD/dist/images"
//
//	   go build ----------- the program ---------+
//	   the checkout ------- its licences --------+--> layers --> image --+--> checky.tar   docker load, ctr images import
//	   apt-get download --- CA certificates,     |                       +--> checky.oci/  an OCI layout: skopeo, crane, buildah
//	                        glibc, libasound2 ---+
//
// The images hold no shell and no package manager. What a file holds depends on the commit, the version, the Go toolchain and the
// packages alone: entries are sorted and root's, and every time is SOURCE_DATE_EPOCH's (the last commit's where that is
// not set), so that the same input gives the same digest.
//
// It pushes nothing, signs nothing, and builds checky-alertd, which needs a C compiler, for the machine's own
// architecture alone: the Dockerfile does the others.
package main

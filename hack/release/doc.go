// Command release makes of built programs what a release offers for download: an archive, a software bill of materials
// and a checksum for each program on each platform, and the manifest of the kubectl plugin for krew.
//
//	hack/release/build.sh v0.1.0         builds the programs, and runs this
//
//	bin/linux_amd64/checky          -->  checky_v0.1.0_linux_amd64.tar.gz      with LICENSE and THIRD_PARTY_NOTICES.txt
//	bin/windows_amd64/checky.exe    -->  checky_v0.1.0_windows_amd64.zip
//	                                     checky_v0.1.0_linux_amd64.cdx.json    CycloneDX: what was linked in, from the binary itself
//	                                     checksums.txt                         SHA-256 of all of these, as sha256sum -c reads it
//	.krew.yaml                      -->  krew.yaml                             addresses and checksums filled in
//
// The same binaries give the same bytes: entries have the commit's time, no owner, and an order. It builds nothing,
// signs nothing and uploads nothing; the release workflow does that, with rights that this needs not have.
package main

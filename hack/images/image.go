package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/google/go-containerregistry/pkg/name"
)

// User is who the programs run as: distroless images' "nonroot".
const user = "65532:65532"

// built is one image for all its platforms.
type built struct {
	recipe    recipe
	platforms []platform
	images    map[platform]v1.Image
}

// image puts layers together.
func (r recipe) image(s source, p platform, layers []v1.Layer) (v1.Image, error) {
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	addenda := make([]mutate.Addendum, 0, len(layers))
	for _, layer := range layers {
		addenda = append(addenda, mutate.Addendum{
			Layer:   layer,
			History: v1.History{Created: v1.Time{Time: s.time}, CreatedBy: "hack/images"},
		})
	}
	image, err := mutate.Append(image, addenda...)
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.Created = v1.Time{Time: s.time}
	file.OS, file.Architecture = "linux", p.arch
	file.Config = v1.Config{
		User:       user,
		WorkingDir: "/",
		Entrypoint: []string{"/usr/local/bin/" + r.name},
		Env:        []string{"PATH=/usr/local/bin"},
		Labels:     r.labels(s),
	}
	return mutate.ConfigFile(image, file)
}

// labels are those of https://github.com/opencontainers/image-spec/blob/main/annotations.md; the Dockerfile has the same.
func (r recipe) labels(s source) map[string]string {
	labels := map[string]string{
		"org.opencontainers.image.title":         r.title,
		"org.opencontainers.image.description":   r.description,
		"org.opencontainers.image.source":        "https://github.com/checky-dev/checky",
		"org.opencontainers.image.documentation": "https://checky-dev.github.io/checky/",
		"org.opencontainers.image.licenses":      "Apache-2.0",
		"org.opencontainers.image.version":       s.version,
		"org.opencontainers.image.created":       s.time.Format(time.RFC3339),
	}
	if s.revision != "" {
		labels["org.opencontainers.image.revision"] = s.revision
	}
	return labels
}

// write writes the archive and the layout, and says what it wrote.
func (b *built) write(o options, out io.Writer) error {
	tag, err := name.NewTag(o.registry + "/" + b.recipe.name + ":" + o.version)
	if err != nil {
		return fmt.Errorf("-registry, -version: %w", err)
	}
	if o.docker && slices.Contains(b.platforms, host()) {
		file := filepath.Join(o.out, b.recipe.name+".tar")
		if err := writeArchive(file, tag, b.images[host()]); err != nil {
			return err
		}
		fmt.Fprintln(out, file)
	}
	if o.oci {
		dir := filepath.Join(o.out, b.recipe.name+".oci")
		if err := b.writeLayout(dir, tag); err != nil {
			return err
		}
		fmt.Fprintln(out, dir)
	}
	for _, p := range b.platforms {
		if err := describe(out, tag, p, b.images[p]); err != nil {
			return err
		}
	}
	return nil
}

// writeArchive writes what `docker load` and `ctr images import` read; it is moved into place whole.
func writeArchive(file string, tag name.Tag, image v1.Image) error {
	part := file + ".part"
	defer os.Remove(part) //nolint:errcheck // after the move there is none
	if err := tarball.WriteToFile(part, tag, image); err != nil {
		return err
	}
	return os.Rename(part, file)
}

// writeLayout writes an OCI image layout: of one platform its manifest, of several an index of them.
func (b *built) writeLayout(dir string, tag name.Tag) error {
	part := dir + ".part"
	defer os.RemoveAll(part) //nolint:errcheck // after the move there is none
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	path, err := layout.Write(part, empty.Index)
	if err != nil {
		return err
	}
	// Tools differ in which of the two they read: skopeo the first, containerd the second.
	annotations := layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": tag.TagStr(),
		"io.containerd.image.name":          tag.Name(),
	})
	if len(b.platforms) == 1 {
		p := b.platforms[0]
		err = path.AppendImage(b.images[p], annotations, layout.WithPlatform(*p.oci()))
	} else {
		index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
		for _, p := range b.platforms {
			index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: b.images[p], Descriptor: v1.Descriptor{Platform: p.oci()}})
		}
		err = path.AppendIndex(index, annotations)
	}
	if err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(part, dir)
}

// describe prints a line: the name, the platform, the digest and the sizes in bytes, of what is pulled and of what it unpacks to.
func describe(out io.Writer, tag name.Tag, p platform, image v1.Image) error {
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	packed, whole, err := sizes(image)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s %s %s %d %d\n", tag.Name(), p, digest, packed, whole)
	return nil
}

func sizes(image v1.Image) (packed, whole int64, err error) {
	layers, err := image.Layers()
	if err != nil {
		return 0, 0, err
	}
	for _, layer := range layers {
		size, err := layer.Size()
		if err != nil {
			return 0, 0, err
		}
		packed += size
		content, err := layer.Uncompressed()
		if err != nil {
			return 0, 0, err
		}
		n, err := io.Copy(io.Discard, content)
		if err := content.Close(); err != nil {
			return 0, 0, err
		}
		if err != nil {
			return 0, 0, err
		}
		whole += n
	}
	return packed, whole, nil
}

package check

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// StatusWriter writes statuses of Checks.
type StatusWriter interface {
	// WriteStatus replaces the status of the Check, of which it goes by namespace, name, UID and resource version, and gives the version that the
	// Check has then. Its errors are those of the API server, by type: a conflict where the Check is not the one that was read any more.
	WriteStatus(ctx context.Context, check *v1alpha1.Check, status *v1alpha1.CheckStatus) (version string, err error)
}

// statusClient writes statuses with as few bytes as the API takes, and is answered with the metadata alone: the usual client sends the spec's
// empty fields, and reads and decodes the whole object that comes back, payload, results and all.
type statusClient struct{ rest rest.Interface }

// NewStatusWriter makes a StatusWriter of a client's configuration. What the API server warns of is logged once, not with each verdict, unless the
// configuration says otherwise.
func NewStatusWriter(config *rest.Config, httpClient *http.Client, scheme *runtime.Scheme) (StatusWriter, error) {
	config = rest.CopyConfig(config)
	if config.WarningHandler == nil && config.WarningHandlerWithContext == nil {
		config.WarningHandlerWithContext = log.NewKubeAPIWarningLogger(log.KubeAPIWarningLoggerOptions{Deduplicate: true})
	}
	client, err := apiutil.RESTClientForGVK(v1alpha1.GroupVersion.WithKind("Check"), true, false, config, serializer.NewCodecFactory(scheme), httpClient)
	if err != nil {
		return nil, fmt.Errorf("make a client of Checks' statuses: %w", err)
	}
	return &statusClient{client}, nil
}

// onlyMetadata asks for the object's metadata in place of the object (Kubernetes API concepts, "Metadata-only fetches"). A server that does not
// know of it gives the object.
const onlyMetadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"

// statusUpdate is the body of a write: all that the API takes from it.
type statusUpdate struct {
	APIVersion string                `json:"apiVersion"`
	Kind       string                `json:"kind"`
	Metadata   statusMetadata        `json:"metadata"`
	Status     *v1alpha1.CheckStatus `json:"status"`
}

type statusMetadata struct {
	Namespace       string    `json:"namespace"`
	Name            string    `json:"name"`
	UID             types.UID `json:"uid"`
	ResourceVersion string    `json:"resourceVersion"`
}

// WriteStatus implements StatusWriter.
func (c *statusClient) WriteStatus(ctx context.Context, check *v1alpha1.Check, status *v1alpha1.CheckStatus) (string, error) {
	body, err := json.Marshal(statusUpdate{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: "Check", Status: status,
		Metadata: statusMetadata{Namespace: check.Namespace, Name: check.Name, UID: check.UID, ResourceVersion: check.ResourceVersion},
	})
	if err != nil {
		return "", err
	}
	result := c.rest.Put().
		Namespace(check.Namespace).Resource("checks").Name(check.Name).SubResource("status").
		SetHeader("Accept", onlyMetadata).SetHeader("Content-Type", runtime.ContentTypeJSON).
		Body(body).
		Do(ctx)
	if err := result.Error(); err != nil {
		return "", err
	}
	answer, err := result.Raw()
	if err != nil {
		return "", err
	}
	var written struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(answer, &written); err != nil {
		return "", fmt.Errorf("read the answer to a status: %w", err)
	}
	return written.Metadata.ResourceVersion, nil
}

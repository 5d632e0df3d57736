package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes/scheme"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // the ways to log in that kubeconfigs name
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/program"
)

const (
	// pageSize is how many objects are asked for at a time; kubectl's own.
	pageSize = 500
	// The client's own pace, in requests a second and at once; the API server has limits of its own.
	clientQPS, clientBurst = 50, 100
)

// session leads to the cluster that kubectl's flags and kubeconfig name.
type session struct {
	flags *genericclioptions.ConfigFlags
	now   clock
}

func newSession() *session {
	flags := genericclioptions.NewConfigFlags(true)
	flags.CacheDir = nil // nothing is discovered, so there is nothing to keep
	return &session{flags: flags, now: time.Now}
}

// cluster is a client, and the namespace that is meant.
type cluster struct {
	client.WithWatch
	namespace string
	now       clock
	// flags are those that lead there, for commands that messages tell.
	flags string
}

// open makes the client. It asks the API server nothing. Warnings of the server go to errOut.
func (s *session) open(errOut io.Writer) (*cluster, error) {
	loader := s.flags.ToRawKubeConfigLoader()
	config, err := loader.ClientConfig()
	if err == nil && *s.flags.APIServer == "" && config.Host == clientcmd.ClusterDefaults.Server {
		if raw, loading := loader.RawConfig(); loading == nil && len(raw.Clusters) == 0 {
			err = clientcmd.ErrEmptyConfig
		}
	}
	if err != nil {
		if clientcmd.IsEmptyConfig(err) {
			return nil, errors.New("there is no cluster: set KUBECONFIG or --kubeconfig to a file that exists and names one")
		}
		return nil, fmt.Errorf("there is no cluster: correct the kubeconfig or the flags: %w", err)
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, fmt.Errorf("--namespace: %w", err)
	}
	config.QPS, config.Burst = clientQPS, clientBurst
	config.UserAgent = fmt.Sprintf("kubectl-checky/%s (%s/%s)", cmp.Or(strings.Fields(program.Version())...), runtime.GOOS, runtime.GOARCH)
	config.WarningHandler = rest.NewWarningWriter(printableWriter{errOut}, rest.WarningWriterOptions{Deduplicate: true})
	known := kruntime.NewScheme()
	for _, add := range []func(*kruntime.Scheme) error{scheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(known); err != nil {
			return nil, err
		}
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: known, Mapper: kinds()})
	if err != nil {
		return nil, fmt.Errorf("there is no cluster: correct the kubeconfig or the flags: %w", err)
	}
	return &cluster{WithWatch: c, namespace: namespace, now: s.now, flags: s.told(namespace)}, nil
}

// told are the flags by which another command goes to the same place.
func (s *session) told(namespace string) string {
	told := ""
	if *s.flags.Context != "" {
		told += " --context " + *s.flags.Context
	}
	if *s.flags.Namespace != "" {
		told += " -n " + namespace
	}
	return told
}

// kinds are those that the plugin asks for, so that none has to be discovered.
func kinds() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper(nil)
	for kind, scope := range map[string]meta.RESTScope{
		"Check": meta.RESTScopeNamespace, "RuleSet": meta.RESTScopeNamespace, "Silence": meta.RESTScopeNamespace,
		"ClusterRuleSet": meta.RESTScopeRoot,
	} {
		mapper.Add(v1alpha1.GroupVersion.WithKind(kind), scope)
	}
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Namespace"), meta.RESTScopeRoot)
	mapper.Add(authenticationv1.SchemeGroupVersion.WithKind("SelfSubjectReview"), meta.RESTScopeRoot)
	return mapper
}

// printableWriter is for the words of a server on their way to a terminal.
type printableWriter struct{ io.Writer }

// Write implements io.Writer.
func (w printableWriter) Write(p []byte) (int, error) {
	_, err := io.WriteString(w.Writer, program.Printable(string(p)))
	return len(p), err
}

// notInstalled is what to say of a cluster without Checky's kinds, or with those of another version.
const notInstalled = "Checky is not installed in this cluster: it does not serve checky.dev/v1alpha1; install it (https://github.com/checky-dev/checky), or name another cluster by --context"

// told is an API server's refusal in words that say what to do: whether Checky is installed there at all, who may not do it, or
// that nobody answers.
func told(err error) error {
	var status apierrors.APIStatus
	switch {
	case err == nil:
		return nil
	case isUnserved(err):
		return errors.New(notInstalled) //nolint:staticcheck // it begins with a name
	case apierrors.IsUnauthorized(err):
		return errors.New("the cluster does not know you: log in again, or correct the kubeconfig's user")
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%w; the roles checky-viewer and checky-editor allow it", err)
	case errors.As(err, &status), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return fmt.Errorf("the cluster does not answer: %w", err)
}

// isUnserved tells a kind that is not served from an object that is not there: the former is no answer of the kind's own.
func isUnserved(err error) bool {
	if meta.IsNoMatchError(err) {
		return true
	}
	var status apierrors.APIStatus
	if !apierrors.IsNotFound(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return false
	}
	return slices.ContainsFunc(status.Status().Details.Causes, func(c metav1.StatusCause) bool {
		return c.Type == metav1.CauseTypeUnexpectedServerResponse
	})
}

// maxBy is the longest name of a person that is written into an object, in bytes.
const maxBy = 128

// who is the user's name: what the flag says, else what the API server knows.
func (c *cluster) who(ctx context.Context, by string) (string, error) {
	if by == "" {
		review := &authenticationv1.SelfSubjectReview{}
		if err := c.Create(ctx, review); err != nil {
			return "", fmt.Errorf("--by is missing, and the cluster does not tell who you are: %w", told(err))
		}
		name := program.Printable(review.Status.UserInfo.Username)
		return strings.ToValidUTF8(name[:min(len(name), maxBy)], ""), nil
	}
	if len(by) > maxBy || program.Printable(by) != by || strings.ContainsRune(by, '\n') || strings.TrimSpace(by) == "" {
		return "", fmt.Errorf("--by: give a name of at most %d bytes, in one line", maxBy)
	}
	return by, nil
}

// each calls see with every object of a selection, page by page, until it returns an error, and gives the resource version that
// a watch goes on from. Where the list grew too old to be gone on with (410 Gone) the rest is of a later time.
func each[L client.ObjectList, T any](ctx context.Context, c client.Reader, empty func() L, items func(L) []T, see func(*T) error, options ...client.ListOption) (version string, err error) {
	next := ""
	for {
		list := empty()
		err := c.List(ctx, list, append(slices.Clone(options), client.Limit(pageSize), client.Continue(next))...)
		var status apierrors.APIStatus
		if next != "" && apierrors.IsResourceExpired(err) && errors.As(err, &status) && status.Status().Continue != "" {
			next = status.Status().Continue
			continue
		}
		if err != nil {
			return "", err
		}
		version = cmp.Or(version, list.GetResourceVersion())
		page := items(list)
		for i := range page {
			if err := see(&page[i]); err != nil {
				return "", err
			}
		}
		if next = list.GetContinue(); next == "" {
			return version, nil
		}
	}
}

// eachCheck is each for Checks.
func (c *cluster) eachCheck(ctx context.Context, see func(*v1alpha1.Check) error, options ...client.ListOption) (version string, err error) {
	return each(ctx, c, func() *v1alpha1.CheckList { return &v1alpha1.CheckList{} },
		func(l *v1alpha1.CheckList) []v1alpha1.Check { return l.Items }, see, options...)
}

package check

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// refusal tells the API server's refusal to create a Check in the words of this package. Values of rules may be quoted in it, and
// nothing else; the cause stays in the chain, for the log.
func refusal(err error) error {
	if isTooLarge(err) {
		return invalid("body", "the API server does not store as much as this comes to with every special character escaped: "+
			"make the input, or the batch, smaller, and put rules into RuleSets")
	}
	status, answered := statusOf(err)
	switch {
	case !answered, errors.Is(err, ErrUnavailable):
		return err
	case status.Reason == metav1.StatusReasonBadRequest:
		return invalid("body", "the API server cannot read the Check that is made of it")
	case status.Reason == metav1.StatusReasonInvalid && namesFields(status):
		return invalidField(err, status)
	case ofAdmission(status) && strings.Contains(status.Message, "exceeded quota"): // its refusals have no cause of their own
		return fmt.Errorf("%w: create check: %w", ErrQuota, err)
	case ofAdmission(status):
		return fmt.Errorf("%w: create check: %w", ErrRefused, err)
	}
	return notSetUp("create check", err)
}

// namesFields tells the API server's own validation from a ValidatingAdmissionPolicy, which has the same reason and names no field.
func namesFields(status metav1.Status) bool {
	return status.Details != nil && slices.ContainsFunc(status.Details.Causes, func(c metav1.StatusCause) bool { return c.Field != "" })
}

// ofAdmission says whether an admission plugin, policy or webhook has refused an object. RBAC refuses a request, and so
// names no object; a webhook's words have no details but those that it gives itself, and no reason unless it gives one.
func ofAdmission(status metav1.Status) bool {
	switch {
	case apierrors.HasStatusCause(&apierrors.StatusError{ErrStatus: status}, corev1.NamespaceTerminatingCause):
		return false
	case status.Reason == metav1.StatusReasonInvalid:
		return true
	case status.Reason == metav1.StatusReasonForbidden:
		return status.Details == nil || status.Details.Name != ""
	case status.Reason == "" || status.Reason == metav1.StatusReasonUnknown:
		return status.Code >= http.StatusBadRequest && status.Code < http.StatusInternalServerError
	}
	return false
}

// notSetUp makes an ErrNotSetUp of an answer that says that a permission, the namespace or the kind is missing, or that the namespace
// is being deleted.
func notSetUp(what string, err error) error {
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsNotFound(err) {
		return fmt.Errorf("%w: %s: %w", ErrNotSetUp, what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// invalidField is about the first field of the REST body that the API server's validation complains about; err where there is none.
func invalidField(err error, status metav1.Status) error {
	for _, cause := range status.Details.Causes {
		if field, ok := bodyField(cause.Field); ok {
			message := "the API server refuses it: " + string(cause.Type)
			if strings.HasPrefix(field, "body.rules") {
				message = "the API server refuses it: " + cause.Message
			}
			return invalid(field, "%s", message)
		}
	}
	return fmt.Errorf("create check: %w", err)
}

// bodyFields are the REST body's names of the spec's fields.
var bodyFields = []struct{ spec, body string }{
	{"spec.inputJSON", "body.input"},
	{"spec.inputs", "body.inputs"},
	{"spec.ruleSets", "body.rule_sets"},
	{"spec.rules", "body.rules"},
	{"spec.failOn", "body.fail_on"},
	{"spec.ttlSecondsAfterFinished", "body.ttl_seconds"},
}

// bodyField names a field of the spec as the REST body does.
func bodyField(path string) (field string, ok bool) {
	if path == "spec" {
		return "body", true
	}
	for _, f := range bodyFields {
		if rest, ok := strings.CutPrefix(path, f.spec); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return f.body + strings.Replace(rest, "].inputJSON", "].input", 1), true
		}
	}
	return "", false
}

// isTooLarge knows the refusals of an object that is larger than the API server takes, or than etcd does. The latter has
// no type of its own.
func isTooLarge(err error) bool {
	return apierrors.IsRequestEntityTooLargeError(err) || err != nil && strings.Contains(err.Error(), "request is too large")
}

// statusOf is what the API server has answered, where it has.
func statusOf(err error) (status metav1.Status, answered bool) {
	answer := apierrors.APIStatus(nil)
	if !errors.As(err, &answer) {
		return metav1.Status{}, false
	}
	return answer.Status(), true
}

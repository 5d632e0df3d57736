package packed

import "github.com/checky-dev/checky/api/v1alpha1"

const (
	// Overhead is what a Check takes besides its texts, in bytes, as it is stored.
	Overhead = 2 << 10
	// itemOverhead is what each payload of a batch does.
	itemOverhead = 64
)

// Weigh is about how many bytes a Check takes as it is stored.
func Weigh(c *v1alpha1.Check) int {
	n := Overhead + len(c.Spec.InputJSON) + len(c.Spec.Input.Raw) + WeighRules(c.Spec.Rules) + len(c.Status.Explanation)
	for i := range c.Spec.Inputs {
		in := &c.Spec.Inputs[i]
		n += itemOverhead + len(in.Name) + len(in.InputJSON) + len(in.Input.Raw)
	}
	n += weighResults(c.Status.Results)
	for i := range c.Status.Passages {
		n += len(c.Status.Passages[i].Text)
	}
	if batch := c.Status.Batch; batch != nil {
		n += len(batch.FailedIndexes) + len(batch.ErroredIndexes)
		for i := range batch.Items {
			item := &batch.Items[i]
			n += itemOverhead + len(item.Name) + len(item.Message) + weighResults(item.Results)
		}
	}
	return n
}

func weighResults(list []v1alpha1.Result) (n int) {
	for i := range list {
		n += len(list[i].Message) + len(list[i].Rule) + len(list[i].Path)
	}
	return n
}

// WeighRules is how many bytes the texts of rules have.
func WeighRules(list []v1alpha1.Rule) (n int) {
	for i := range list {
		r := &list[i]
		n += len(r.Name) + len(r.When) + len(r.Message) + len(r.JSONSchema.Raw)
		if r.Module != nil {
			n += len(r.Module.Name) + len(r.Module.Params.Raw)
		}
		if r.CEL != nil {
			n += len(r.CEL.Expression) + len(r.CEL.MessageExpression)
		}
	}
	return n
}

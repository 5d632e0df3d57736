package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// Set is the name of the rule set that everything is checked by, whatever its kind.
const Set = "orders"

// ordersRules are the five rules of an order.
const ordersRules = `
- name: amount-range
  module: {name: range, params: {field: $.amount, min: 0, exclusiveMin: true, max: 10000}}
- name: currency
  module: {name: enum, params: {field: $.currency, values: [EUR, GBP, USD]}}
- name: customer-email
  module: {name: format, params: {field: $.customer.email, format: email}}
- name: sku-form
  module: {name: pattern, params: {field: '$.items[*].sku', pattern: '^[A-Z]{3}-[0-9]{4}$'}}
- name: sku-once
  module: {name: unique, params: {field: '$.items[*].sku'}}
`

// Variants is how many different orders there are.
const Variants = 48

// Payload is one of the orders, by its number modulo Variants, of about size bytes. One in three fails by three of the rules.
func Payload(number, size int) string {
	v := number % Variants
	amount, currency, sku := 70+v, "EUR", "BLB-0007"
	if Bad(number) {
		amount, currency, sku = 90000+v, "eur", "LMP-0042"
	}
	text := fmt.Sprintf(`{"id":"A-%04d","amount":%d.89,"currency":%q,"customer":{"email":"ada@example.com","name":"Ada"},`+
		`"items":[{"sku":"LMP-0042","qty":1,"price":49.9},{"sku":%q,"qty":1,"price":24.99}],"note":"`, 1000+v, amount, currency, sku)
	return text + strings.Repeat("x", max(0, size-len(text)-2)) + `"}`
}

// Bad says whether an order fails.
func Bad(number int) bool { return number%Variants%3 == 2 }

// rules are those of the rule set, with another upper bound of the amount where it is not 0.
func rules(most int) ([]v1alpha1.Rule, error) {
	text := ordersRules
	if most != 0 {
		text = strings.Replace(text, "max: 10000", fmt.Sprintf("max: %d", most), 1)
	}
	var list []v1alpha1.Rule
	return list, yaml.UnmarshalStrict([]byte(text), &list)
}

// Namespaces makes namespaces, each with the RuleSet.
func (c *Cluster) Namespaces(ctx context.Context, names ...string) error {
	list, err := rules(0)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name != Namespace {
			if err := c.create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
				return err
			}
		}
		set := &v1alpha1.RuleSet{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: Set}, Spec: v1alpha1.RuleSetSpec{Rules: list}}
		if err := c.create(ctx, set); err != nil {
			return err
		}
	}
	return nil
}

// ClusterRuleSet makes the rules one for all namespaces, under a name.
func (c *Cluster) ClusterRuleSet(ctx context.Context, name string) error {
	list, err := rules(0)
	if err != nil {
		return err
	}
	return c.create(ctx, &v1alpha1.ClusterRuleSet{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.RuleSetSpec{Rules: list}})
}

// EditClusterRuleSet changes the upper bound of the amount, which every verdict by the set tells of.
func (c *Cluster) EditClusterRuleSet(ctx context.Context, name string, most int) error {
	list, err := rules(most)
	if err != nil {
		return err
	}
	set := &v1alpha1.ClusterRuleSet{}
	if err := c.Admin.Get(ctx, client.ObjectKey{Name: name}, set); err != nil {
		return err
	}
	set.Spec.Rules = list
	return c.Admin.Update(ctx, set)
}

// Statuses are those that the operator has given to Checks, by their orders' numbers.
func (c *Cluster) Statuses(ctx context.Context, keys []client.ObjectKey) ([]json.RawMessage, error) {
	statuses := make([]json.RawMessage, len(keys))
	for i, key := range keys {
		check := &v1alpha1.Check{}
		if err := c.Admin.Get(ctx, key, check); err != nil {
			return nil, err
		}
		if !check.Status.Phase.Finished() {
			return nil, fmt.Errorf("check %s has no verdict", key)
		}
		var err error
		if statuses[i], err = json.Marshal(&check.Status); err != nil {
			return nil, err
		}
	}
	return statuses, nil
}

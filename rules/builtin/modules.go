package builtin

import (
	"github.com/checky-dev/checky/rules"
	dropin "github.com/checky-dev/checky/rules/modules"
)

// modules is the one list of the modules that ship: a new one is a file in rules/modules and a line here.
func modules() []rules.Module {
	return []rules.Module{
		dropin.Compare,
		dropin.Const,
		dropin.Contains,
		dropin.Dependent,
		dropin.Enum,
		dropin.Format,
		dropin.Length,
		dropin.Pattern,
		dropin.Range,
		dropin.Required,
		dropin.Secrets,
		dropin.Sum,
		dropin.Type,
		dropin.Unique,
	}
}

// Package modules holds the modules that ship with Checky: one file each, each a rules.Module value, none
// aware of another. rules/builtin lists them.
package modules

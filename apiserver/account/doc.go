// Package account keeps accounts and tokens in Secrets.
package account

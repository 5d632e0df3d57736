// Package driver is everybody who uses a cluster: at a steady rate, whatever becomes of it, and as the documentation tells them to.
//
//	d, err := driver.New(ctx, driver.Options{History: log, User: config, Facades: urls, Rate: 8, Seed: 7})
//	d.Run(ctx)  // until the context ends; then what was begun is brought to its end
//
//	people with kubectl   create, edit, delete Checks and batches, and try again; edit a RuleSet and ConfigMaps, delete and create another RuleSet
//	programs by REST      POST with an idempotency key until it is acknowledged, read or follow its events until there is a verdict, delete some
//	an account            makes a token, rotates some, uses it at each replica, revokes it, and goes on using it
//
// Every attempt is in the history. The driver judges nothing: that a facade may answer 503 is between it and its caller.
package driver

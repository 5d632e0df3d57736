package packed

// common is text that many Checks share, the most frequent last. It may be changed freely: it is never stored.
var common = []byte(`{"apiVersion":"checky.dev/v1alpha1","kind":"Check","failed":0,"fail":1,"skip":0,"warn":1,"error":1,` +
	`"outcome":"error","severity":"critical","outcome":"warn","severity":"warning","outcome":"skip","severity":"info",` +
	`"rulesApplied":["/amount","/currency","/email","/items","/quantity","/customer","/created","/total","/price","/id"],"ruleCount":5,` +
	`"truncated":0,"batch":{"total":1,"succeeded":0,"failed":1,"errored":0,"failedIndexes":"0","items":[{"index":0,"name":"","phase":"Failure",` +
	`"rules":[{"name":"","module":{"name":"range","params":{"field":"$.","min":0,"max":100}},"message":""}],` +
	`"module":{"name":"required","params":{"field":"$."}},"module":{"name":"pattern","params":{"field":"$.","pattern":"^[A-Z]{3}$"}},` +
	`"cel":{"expression":"input.","messageExpression":""},"ttlSecondsAfterFinished":3600,` +
	`expected a number at most expected a number above expected one of expected a string expected a value, found none, found null, found true, found a list, found an object, ` +
	`could not be evaluated: no such key: of the wrong type; give it as a string; missing; ` +
	`"explanation":"Success: all rules passed.","explanation":"Error: of 5 rules, 1 could not be evaluated.\n","explanation":"Failure: of 5 rules, 3 failed, 1 warned, 1 passed.\n\n` +
	`\n- [rag-content.txt:] \n1. \n2. \n3. \n\nWhat helps:\n\nand more; see results.` +
	`"passages":["rag-content.txt:1","rag-content.txt:2"]},{"rule":"orders/","outcome":"pass","severity":"error"},{"rule":"orders/","outcome":"pass","severity":"error"},` +
	`"results":[{"rule":"orders/amount","outcome":"fail","severity":"error","message":"expected ","path":"/amount","passages":["rag-content.txt:` +
	`{"metadata":{"generation":1,"creationTimestamp":"2026-01-01T00:00:00Z","labels":{"checky.dev/owner":"` +
	`"annotations":{"checky.dev/request-digest":"sha256:","checky.dev/traceparent":"00-` +
	`"spec":{"inputJSON":"{\"id\":\"\",\"amount\":0,\"currency\":\"EUR\",\"items\":[{\"sku\":\"\",\"quantity\":1,\"price\":0}],\"customer\":{\"email\":\"@example.com\",\"name\":\"\"},\"created\":\"2026-01-01T00:00:00Z\"}",` +
	`"ruleSets":[{"kind":"RuleSet","name":"orders"}],"failOn":"error"},` +
	`"status":{"observedGeneration":1,"phase":"Success","phase":"Error","phase":"Failure","ruleCount":5,"summary":{"pass":0,"fail":1,"warn":0,"skip":0,"error":0},` +
	`"inputDigest":"sha256:","alert":{"key":"sha256:","severity":"error"},"startTime":"2026-01-01T00:00:00Z","completionTime":"2026-01-01T00:00:00Z",` +
	`"conditions":[{"type":"Complete","status":"True","observedGeneration":1,"lastTransitionTime":"2026-01-01T00:00:00Z","reason":"Evaluated","message":"there is a verdict"},` +
	`{"type":"Passed","status":"True","observedGeneration":1,"lastTransitionTime":"2026-01-01T00:00:00Z","reason":"RulesPassed","message":"Success: all 5 rules passed."},` +
	`{"type":"Passed","status":"False","observedGeneration":1,"lastTransitionTime":"2026-01-01T00:00:00Z","reason":"RulesFailed","message":"Failure: of 5 rules, 1 failed, 4 passed."},` +
	`{"type":"Explained","status":"True","observedGeneration":1,"lastTransitionTime":"2026-01-01T00:00:00Z","reason":"NothingToExplain","message":"every rule that applies passed"}]}}` +
	`{"type":"Explained","status":"True","observedGeneration":1,"lastTransitionTime":"2026-01-01T00:00:00Z","reason":"PassagesCited","message":"the explanation cites the knowledge file 3 times"}]}}`)

package main

import (
	"github.com/checky-dev/checky/test/bench/batch"
	"github.com/checky-dev/checky/test/bench/engines"
	"github.com/checky-dev/checky/test/bench/facade"
	"github.com/checky-dev/checky/test/bench/operator"
	"github.com/checky-dev/checky/test/bench/retrieval"
	"github.com/checky-dev/checky/test/bench/scale"
	"github.com/checky-dev/checky/test/bench/section"
	"github.com/checky-dev/checky/test/bench/steady"
)

// sections are what there is to measure, in the report's order.
var sections = []section.Section{
	{ID: "engines", Title: "Engine", Run: engines.Run},
	{ID: "retrieval", Title: "Retrieval", Run: retrieval.Run},
	{ID: "operator", Title: "Operator", Run: operator.Run},
	{ID: "scale", Title: "Many finished Checks", Run: scale.Run},
	{ID: "facade", Title: "REST facade", Run: facade.Run},
	{ID: "batch", Title: "Batches", Run: batch.Run},
	{ID: "steady", Title: "Memory over time", Run: steady.Run},
}

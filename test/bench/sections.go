package main

import (
	"github.com/checky-dev/checky/test/bench/engines"
	"github.com/checky-dev/checky/test/bench/retrieval"
	"github.com/checky-dev/checky/test/bench/section"
)

// sections are what there is to measure, in the report's order.
var sections = []section.Section{
	{ID: "engines", Title: "Engine", Run: engines.Run},
	{ID: "retrieval", Title: "Retrieval", Run: retrieval.Run},
}

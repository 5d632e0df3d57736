package cluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/checky-dev/checky/test/chaos/history"
)

// scrape is a process's metrics that are numbers of its own: by name, summed over their labels.
func (c *Cluster) scrape(ctx context.Context, name string) (map[string]float64, error) {
	values := map[string]float64{}
	err := ask(ctx, c.web, c.metrics[name], func(body io.Reader) error {
		scanner := bufio.NewScanner(body)
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			series, value, ok := strings.Cut(scanner.Text(), " ")
			if !ok || strings.HasPrefix(series, "#") {
				continue
			}
			if at := strings.LastIndexByte(scanner.Text(), '}'); at >= 0 { // a label's value may have spaces
				series, value = scanner.Text()[:at+1], strings.TrimSpace(scanner.Text()[at+1:])
			}
			metric, _, _ := strings.Cut(series, "{")
			number, err := strconv.ParseFloat(value, 64)
			if err != nil {
				continue
			}
			values[metric] += number
		}
		return scanner.Err()
	})
	return values, err
}

// Sample measures a process of the product.
func (c *Cluster) Sample(ctx context.Context, name string) (history.Sample, error) {
	pid, start := c.processes[name].running()
	sample := history.Sample{Process: name, Start: start}
	if pid == 0 {
		return sample, fmt.Errorf("%s does not run", name)
	}
	values, err := c.scrape(ctx, name)
	if err != nil {
		return sample, fmt.Errorf("%s: %w", name, err)
	}
	sample.Goroutines, sample.Heap = int(values["go_goroutines"]), int64(values["go_memstats_heap_inuse_bytes"])
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return sample, err
	}
	sample.Descriptors = len(open)
	sample.Resident, err = resident(pid)
	return sample, err
}

// resident is a process's memory, in bytes.
func resident(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "VmRSS:" {
			kibibytes, err := strconv.ParseInt(fields[1], 10, 64)
			return kibibytes << 10, err
		}
	}
	return 0, errors.New("the kernel does not tell a process's memory")
}

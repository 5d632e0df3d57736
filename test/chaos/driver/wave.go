package driver

import (
	"context"
	"fmt"
	"time"
)

// Orders come in waves. Those of a wave share rule sets and sources, which are edited while it lasts and not any more afterwards: a verdict
// that is given anew has its whole time to live once more, so Checks whose rules change for ever would stay for ever, and become more and more.

// waveLength is how long orders of the same wave are begun.
const waveLength = time.Minute

// sources is how many ConfigMaps some Checks of a wave take their payload from.
const sources = 2

// waveOf is the wave of an order.
func (d *Driver) waveOf(number int) int {
	return int(float64(number) / (d.o.Rate * waveLength.Seconds()))
}

// ordersSet is the rule set that each Check of a wave names.
func ordersSet(wave int) string { return fmt.Sprintf("orders-%d", wave) }

// seasonalSet is the rule set that comes and goes while a wave lasts.
func seasonalSet(wave int) string { return fmt.Sprintf("seasonal-%d", wave) }

// source is a ConfigMap of a wave.
func source(wave, number int) string { return fmt.Sprintf("stock-%d-%d", wave, number) }

// makeWave makes what a wave needs, and tries until it is there.
func (d *Driver) makeWave(ctx context.Context, wave int) error {
	made := d.putSet(ctx, ordersSet(wave), ordersRules(0)) && d.putSet(ctx, seasonalSet(wave), seasonalRules(0))
	for number := range sources {
		made = made && d.putSource(ctx, wave, number, 0)
	}
	if !made {
		return fmt.Errorf("the rule sets were not made: %w", context.Cause(ctx))
	}
	return nil
}

// makeWaves makes each wave while the one before it lasts. Checks that come before their rule set wait for it.
func (d *Driver) makeWaves(ctx, drain context.Context) {
	for made := 0; pause(ctx, editEvery); {
		for ; made <= int(d.wave.Load()); made++ {
			_ = d.makeWave(drain, made+1) // what was not made by the end is needed by no more than the Checks that wait
		}
	}
}

// editSets changes the rule set that each Check of the wave names.
func (d *Driver) editSets(ctx, drain context.Context) {
	for version := 1; pause(ctx, editEvery); version++ {
		d.putSet(drain, ordersSet(int(d.wave.Load())), ordersRules(version))
	}
}

// comeAndGo deletes a rule set and creates it anew. It ends with it being there.
func (d *Driver) comeAndGo(ctx, drain context.Context) {
	for version := 1; pause(ctx, seasonEvery); version++ {
		set := seasonalSet(int(d.wave.Load()))
		d.deleteSet(drain, set)
		pause(ctx, seasonEvery/5)
		d.putSet(drain, set, seasonalRules(version))
	}
}

// editSources changes one source of the wave after the other.
func (d *Driver) editSources(ctx, drain context.Context) {
	for version := 1; pause(ctx, sourceEvery); version++ {
		d.putSource(drain, int(d.wave.Load()), version%sources, version/sources)
	}
}

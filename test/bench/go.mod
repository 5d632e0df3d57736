module github.com/checky-dev/checky/test/bench

go 1.26.0

replace github.com/checky-dev/checky => ../..

require github.com/checky-dev/checky v0.0.0-00010101000000-000000000000

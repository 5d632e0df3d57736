package authn

import (
	"testing"

	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
)

func TestMain(m *testing.M) { controlplanetest.Main(m) }

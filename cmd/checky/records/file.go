package records

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/checky-dev/checky/cmd/checky/manifest"
	"github.com/checky-dev/checky/rules"
)

// File is a file of many payloads that is being read. It is for one goroutine.
type File struct {
	// Name is its path, or manifest.StandardInput.
	Name string
	// Size in bytes; -1 where it is not known beforehand, as of a pipe.
	Size int64

	source *counted
	close  func() error
	items  reader
	field  *rules.Field
}

// open opens a file that Split told to hold many payloads; - is standard input. The header of CSV is read at once. Its
// error names the file.
func (o *Options) open(path string, stdin io.Reader) (*File, error) {
	f := &File{Name: path, Size: -1, source: &counted{in: stdin}, close: func() error { return nil }, field: o.field}
	if path == "-" {
		f.Name = manifest.StandardInput
	} else {
		file, err := os.Open(path)
		if err != nil {
			return nil, f.fault(err)
		}
		f.source.in, f.close = file, file.Close
	}
	if err := f.begin(o, path); err != nil {
		_ = f.close() // it was only read
		return nil, f.fault(err)
	}
	return f, nil
}

// OpenAll opens several files, all of them or none. Taken says that something else reads standard input. Its error joins what is
// wrong with each file.
func (o *Options) OpenAll(paths []string, stdin io.Reader, taken bool) ([]*File, error) {
	var (
		files    []*File
		problems []error
	)
	for _, path := range paths {
		if path == "-" && taken {
			problems = append(problems, errors.New("-f -: standard input can be read only once; give - once"))
			continue
		}
		taken = taken || path == "-"
		file, err := o.open(path, stdin)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		files = append(files, file)
	}
	if len(problems) > 0 {
		CloseAll(files)
		return nil, errors.Join(problems...)
	}
	return files, nil
}

// CloseAll closes files that were only read.
func CloseAll(files []*File) {
	for _, file := range files {
		_ = file.Close()
	}
}

func (f *File) begin(o *Options, path string) error {
	if file, ok := f.source.in.(*os.File); ok {
		info, err := file.Stat()
		switch {
		case err != nil:
			return err
		case info.IsDir():
			return errors.New("it is a folder; name the files in it")
		case info.Mode().IsRegular():
			f.Size = info.Size()
		}
	}
	if o.FormOf(path) == NDJSON {
		f.items = newNDJSON(f.source)
		return nil
	}
	var err error
	f.items, err = newTable(f.source, o.comma)
	return err
}

// fault puts the file's name before what is wrong with it.
func (f *File) fault(err error) error {
	known := &manifest.Error{}
	of := &fs.PathError{}
	switch {
	case errors.As(err, &known):
	case errors.Is(err, fs.ErrNotExist):
		known.Problem = "there is no such file; correct the path"
	case errors.As(err, &of):
		known.Problem = of.Err.Error()
	default:
		known.Problem = err.Error()
	}
	known.File = f.Name
	return known
}

// Next gives the next item. After the last one its error is io.EOF; any other names the file.
func (f *File) Next() (Item, error) {
	item, err := f.items.next()
	switch {
	case errors.Is(err, io.EOF):
		return item, io.EOF
	case err != nil:
		return item, f.fault(err)
	}
	if item.Name = f.nameOf(item.Text); item.Name == "" {
		var room [32]byte
		item.Name = string(strconv.AppendInt(append(room[:0], "line "...), int64(item.Line), 10))
	}
	return item, nil
}

// Read is how many bytes of the file were read so far, of Size.
func (f *File) Read() int64 { return f.source.n }

// Close closes it.
func (f *File) Close() error { return f.close() }

// nameOf is the value of the field that payloads go by, if it is one that can be told.
func (f *File) nameOf(text []byte) string {
	if f.field == nil || text == nil {
		return ""
	}
	payload, err := rules.Decode(text)
	if err != nil {
		return ""
	}
	call := rules.NewCall(context.Background(), payload, time.Time{})
	defer call.Release()
	value, found, err := f.field.Get(call)
	if err != nil || !found {
		return ""
	}
	name := ""
	switch v := value.(type) {
	case string:
		name = v
	case json.Number:
		name = v.String()
	case bool:
		name = strconv.FormatBool(v)
	}
	runes := 0
	for at := range name {
		if runes++; runes > maxName {
			return name[:at]
		}
	}
	return name
}

// counted counts what is read.
type counted struct {
	in io.Reader
	n  int64
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n += int64(n)
	return n, err
}

// Package console does what pages of the documentation show: it types what stands behind each $ of a console block into a shell, and holds what is
// printed to what the page says.
//
//	```console
//	$ kubectl get chk parcel          the command; it goes on behind a backslash, and up to the end of a here document
//	NAME     PHASE     AGE            what it prints
//	parcel   Failure   ...            ... is anything in a line
//	...                               and as a line of its own any lines
//	```
//
// A YAML block whose first line is a comment with a file's name is that file. Where commands run, and against what, is the caller's choice.
package console

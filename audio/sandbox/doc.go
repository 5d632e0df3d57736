// Package sandbox takes from this process what playing a sound does not need, for good, and says what the kernel could not enforce.
//
//	report := sandbox.Enforce(devices...) // from here on: read what comes from strangers
//	for _, missing := range report.Missing { ... }
//
// It does, in this order:
//
//	no_new_privs   nothing that is executed gains rights
//	rlimits        processor time, memory, descriptors, size of files, no core dumps
//	Landlock       no file but the devices, no network, no signals to others      (Linux 5.13; its parts came with later ones)
//	seccomp        an allow-list of system calls; all others fail with EPERM      (amd64 and arm64)
//
// Every part holds for all threads of the process, and for those to come. A part that the kernel lacks is reported, and is no error: a tone
// in a smaller sandbox is better than none. The parts overlap, so that one that is missing leaves others: without Landlock,
// seccomp still refuses to create files, open sockets and execute; without seccomp, Landlock still refuses files and TCP.
//
// Seclude is for the other side: the process whose players are in the sandbox.
//
// It does not limit the number of processes: that limit counts all of a user's, in other containers as well. The seccomp
// filter refuses to make any.
package sandbox

// Package layout holds the rules of the house as tests: which package may
// import which (imports_test.go), which of them a production binary never
// links, one comment a package, and no file that is too long (files_test.go).
// It has no code of its own.
//
// Guarantee: each table is an allow-list with a reason a line. What is not in
// it fails, and so does a line that nothing needs any more.
//
// Concurrency and failure: the tests read the tree and change nothing.
package layout

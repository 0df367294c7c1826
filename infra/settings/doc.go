// Package settings reads what a person sets: flags, environment variables, the
// .env file, in this order, then the defaults.
//
// One table, Variables, names every variable once; flags, parsing, mistakes,
// `kafka-master config` and the table in the README come from it.
//
// An empty value counts as not set. All mistakes are reported together. Secrets
// have no flag and are never shown; each is also read from the file that
// NAME_FILE names.
package settings

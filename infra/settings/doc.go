// Package settings reads the settings of the program from flags, environment variables, the
// file .env, and defaults, in this order of precedence.
//
// The table Variables defines every variable once. Flags, parsing, mistakes,
// `kafka-master config` and the table in the documentation are derived from it. The table
// is own code, since viper does not know the range and unit of a value, does not collect
// mistakes, and does not keep where a value came from.
//
// An empty value counts as not set. All mistakes are reported together. Secrets have no
// flag and are never shown; each can also be read from a file whose path is in NAME_FILE.
package settings

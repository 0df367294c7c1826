package settings

import "strings"

// The sources of a value. If a secret comes from a file, its source is the variable with
// the path of the file.
const (
	SourceFlag    = "flag"
	SourceEnv     = "environment"
	SourceDotenv  = ".env"
	SourceDefault = "default"
)

// Variable is a line of the table of all settings.
type Variable struct {
	Name    string // name in the environment and in .env
	Flag    string // name of the flag without dashes; empty for a secret
	Doc     string // effect, in one sentence
	Allowed string // allowed values, with their unit
	Default string // default value; empty means none
	Secret  bool   // the value is never shown, and may be in a file whose path is in Name_FILE

	rule   rule
	derive func(*Settings) string // returns a default that depends on other settings
}

// rule parses and checks the text of a variable.
type rule struct {
	allowed string
	// set stores the value. Its error is the problem alone ("is not a whole number"); the
	// caller adds the variable and the allowed values.
	set func(*Settings, string) error
}

// Variables returns the table of all settings, in the order in which they are read and
// shown.
func Variables() []Variable {
	var all []Variable
	for _, group := range [][]Variable{
		kafkaVariables(), topicVariables(), kafkaSecurityVariables(), workVariables(), workerVariables(),
		fileVariables(), stateVariables(), apiVariables(), logVariables(),
	} {
		all = append(all, group...)
	}
	for i := range all {
		v := &all[i]
		v.Allowed = v.rule.allowed
		if !v.Secret {
			v.Flag = flagName(v.Name)
		}
	}
	return all
}

func flagName(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

// SecretNames returns the names of all variables with a secret or with the path of one.
func SecretNames() []string {
	var names []string
	for _, v := range Variables() {
		if v.Secret {
			names = append(names, v.Name, v.Name+"_FILE")
		}
	}
	return names
}

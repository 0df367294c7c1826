package settings

import (
	"fmt"
	"strings"
)

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

// Markdown returns the table of all variables for the documentation.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| Variable | Default | Allowed | What it does |\n|---|---|---|---|\n")
	for _, v := range Variables() {
		name, fallback := "`"+v.Name+"`", "`"+v.Default+"`"
		if v.Secret {
			name += ", `" + v.Name + "_FILE`"
		}
		if v.Default == "" {
			fallback = "–"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, fallback, cell(v.Allowed), cell(v.Doc))
	}
	return b.String()
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// Dotenv returns the text of a .env file that shows every variable and sets none.
func Dotenv() string {
	var b strings.Builder
	b.WriteString(dotenvHead)
	for _, v := range Variables() {
		fmt.Fprintf(&b, "\n# %s Allowed: %s.\n#%s=%s\n", v.Doc, v.Allowed, v.Name, dotenvDefault(v))
		if v.Secret {
			fmt.Fprintf(&b, "#%s_FILE=\n", v.Name)
		}
	}
	b.WriteString(dotenvTail)
	return b.String()
}

const dotenvHead = `# Settings of Kafka Master: copy this file to .env and remove the # where you want
# another value than the one shown. Flags and the environment have precedence.
# Put a value with # or spaces in single quotes. A $ stands for itself, but ${NAME}
# for the value of a line above.
`

// dotenvTail has the variables of docker-compose.yml, which reads the same file.
const dotenvTail = `
# ---- The rest is only for docker-compose, which sets the brokers, REDIS_URL,
# RESULTS_DIR, MASTER_ID, WORKER_ID and the API's address by itself.

# User and group, as numbers, that masters and workers run as; it must be able to write ./results.
#RUN_AS=1000:1000

# Address of this machine on which the API's ports are open; 0.0.0.0 means all, then set API_TOKEN too.
#HOST_IP=127.0.0.1

# Host names, without ports, that calls of the API may use.
#HOST_NAMES=localhost,127.0.0.1,master-1,master-2

# Password of Redis, of letters and digits; only the masters reach it.
#REDIS_PASSWORD=kafka-master

# Ports of this machine for the API of the two masters.
#MASTER_1_PORT=3001
#MASTER_2_PORT=3002

# For workers on other machines: the address on which Kafka's port is open, and the name or address
# and the port at which they reach it. Kafka does not require a password: keep it inside your network.
#KAFKA_PUBLIC_IP=127.0.0.1
#KAFKA_PUBLIC_HOST=127.0.0.1
#KAFKA_PUBLIC_PORT=9092

# Port of this machine for the file server of the profile smb.
#SAMBA_PORT=1445
`

func dotenvDefault(v Variable) string {
	if strings.ContainsAny(v.Default, " $#") {
		return ""
	}
	return v.Default
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

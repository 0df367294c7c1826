package actors

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"kafka-master/messages"
)

// Cures returns what a person can do about a problem, the best first. startWorker is the
// command that starts a worker. Every command here is one of the program, with its arguments:
// people copy it.
func Cures(p messages.Problem, startWorker string) []messages.Cure {
	switch p.Kind {
	case messages.ProblemNoWorkers:
		return []messages.Cure{{Text: "start a worker, with --each or --exec and the command for your items", Command: startWorker}}
	case messages.ProblemUnfitWorker:
		return []messages.Cure{{Text: "correct its command or its machine and start it again"}, attemptsOf(p.Worker), drainWorker(p.Worker)}
	case messages.ProblemUnbegun:
		return []messages.Cure{drainWorker(p.Worker), {Text: "see who reads which partition", Command: command("topics")}}
	case messages.ProblemDuplicateID, messages.ProblemUndeliverable:
		return []messages.Cure{attemptsOf(p.Worker)}
	case messages.ProblemAllFails:
		return []messages.Cure{pauseAll(), attemptsOf(p.Worker), retryDead(p.Path)}
	case messages.ProblemStalledChunk, messages.ProblemNoResultYet, messages.ProblemSlowTail:
		return []messages.Cure{recallChunk(p.Worker, p.Chunk), drainWorker(p.Worker)}
	case messages.ProblemReturnedChunk:
		return []messages.Cure{attemptsOf(p.Worker)}
	case messages.ProblemStalled:
		return []messages.Cure{seeWorkers()}
	case messages.ProblemPaused:
		return []messages.Cure{{Text: "see what died", Command: command("dead", "ls", "--file", p.Path)}, resumeFile(p.Place)}
	case messages.ProblemChanged, messages.ProblemFailedFile:
		return []messages.Cure{{Text: "see what became of it", Command: command("file", p.File.Key())}, acknowledge(p.File)}
	case messages.ProblemHeldUp:
		return []messages.Cure{letGo(p)}
	case messages.ProblemNothingRuns:
		return []messages.Cure{seeWorkers(), {Text: "see why each chunk waits", Command: command("chunks", fileArg(p.Path))}}
	case messages.ProblemMerge:
		return []messages.Cure{{Text: "see what is missing", Command: command("merge", "--all")}}
	}
	return curesOfParts(p.Kind)
}

// curesOfParts returns what can be done about the deployment as a whole, and what it needs.
func curesOfParts(kind messages.ProblemKind) []messages.Cure {
	switch kind {
	case messages.ProblemKafka, messages.ProblemTopic, messages.ProblemState, messages.ProblemDeployment, messages.ProblemInput:
		return []messages.Cure{{Text: "check what the master needs, on its machine and with its settings", Command: command("doctor")}}
	case messages.ProblemNoPartition:
		return []messages.Cure{{Text: "give the topic as many partitions as there are workers", Command: command("set", "partitions", "N")}}
	case messages.ProblemDispatch:
		return []messages.Cure{{Text: "hand out again", Command: command("resume"), Call: pauseCall(false)}}
	}
	return nil
}

// command returns the command line of the program with some arguments.
func command(args ...string) string {
	line := "kafka-master"
	for _, arg := range args {
		line += " " + messages.ShellWord(arg)
	}
	return line
}

// fileArg is a path as an argument that is no flag.
func fileArg(path string) string {
	if strings.HasPrefix(path, "-") {
		return "./" + path
	}
	return path
}

// drainWorker is the cure to give a worker nothing more.
func drainWorker(w messages.WorkerID) messages.Cure {
	return messages.Cure{Text: "give it nothing more", Command: command("drain", string(w)), Call: &messages.Call{
		Method: http.MethodPost, Path: workerPath(w) + "/drain",
	}}
}

// recallChunk is the cure to take a chunk back from a worker.
func recallChunk(w messages.WorkerID, batchID string) messages.Cure {
	return messages.Cure{
		Text: "stop it there and have it run again, by another worker if there is one", Command: command("recall", string(w), batchID),
		Call: &messages.Call{Method: http.MethodPost, Path: workerPath(w) + "/recall", Body: map[string]any{"chunk": batchID}},
	}
}

func workerPath(w messages.WorkerID) string { return "workers/" + url.PathEscape(string(w)) }

// pauseAll is the cure to hand nothing out while something is corrected.
func pauseAll() messages.Cure {
	return messages.Cure{Text: "hand out nothing until it is right", Command: command("pause"), Call: pauseCall(true)}
}

func pauseCall(paused bool) *messages.Call {
	return &messages.Call{Method: http.MethodPatch, Path: "dispatch", Body: map[string]any{"paused": paused}}
}

// retryDead is the cure of what died while something was wrong.
func retryDead(path string) messages.Cure {
	return messages.Cure{Text: "have what died run again once it is right", Command: command("dead", "retry", "--file", path)}
}

// resumeFile is the cure to let a paused file go on.
func resumeFile(at messages.Place) messages.Cure {
	return messages.Cure{Text: "let it go on as it is", Command: command("resume", fileArg(at.Path)), Call: &messages.Call{
		Method: http.MethodPatch, Path: fmt.Sprintf("files/%d", at.File), Body: map[string]any{"paused": false},
	}}
}

// acknowledge is what is left to do about a file that changed: to take note of it.
func acknowledge(id messages.FileID) messages.Cure {
	return messages.Cure{Text: "take note of it, so that it is not shown any more", Command: command("acknowledge", id.Key()), Call: &messages.Call{
		Method: http.MethodPost, Path: "files/" + id.Key() + "/acknowledge",
	}}
}

// letGo ends what holds everything up.
func letGo(p messages.Problem) messages.Cure {
	switch {
	case p.Worker != "":
		return messages.Cure{Text: "give it chunks again", Command: command("undrain", string(p.Worker)), Call: &messages.Call{
			Method: http.MethodPost, Path: workerPath(p.Worker) + "/resume",
		}}
	case p.Path != "":
		return resumeFile(p.Place)
	}
	return messages.Cure{Text: "hand out without a limit", Command: command("rate", "off"), Call: &messages.Call{
		Method: http.MethodPatch, Path: "dispatch", Body: map[string]any{"max_items_per_s": nil},
	}}
}

// seeWorkers shows why no worker does anything.
func seeWorkers() messages.Cure {
	return messages.Cure{Text: "see what the workers do, and why they do nothing", Command: command("workers")}
}

// attemptsOf shows what a worker did last, and why it failed.
func attemptsOf(w messages.WorkerID) messages.Cure {
	return messages.Cure{Text: "see what it did last", Command: command("attempts", string(w))}
}

package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kafka-master/messages"
)

// Setting is a setting of a master as it was started. The value of a secret is masked.
type Setting struct {
	Name, Value string
	Source      string // flag, environment, .env, default, or the variable with the path of a secret
	Doc         string
	Secret      bool
}

// The settings that can be changed while a master runs, and the source of one that was.
const (
	settingBatchSize  = "BATCH_SIZE"
	settingPartitions = "KAFKA_PARTITIONS"
	settingLogLevel   = "LOG_LEVEL"
	sourceRunTime     = "run time"
)

// settingsBody is the answer of /api/v1/settings.
type settingsBody struct {
	MasterID string        `json:"master_id" doc:"The leader, whose settings these are."`
	RunTime  runTimeBody   `json:"run_time" doc:"What can be changed by PATCH, as it is in force."`
	Settings []settingBody `json:"settings"`
	Audit    []auditBody   `json:"audit" doc:"The last 200 changes that people made, the newest first."`
}

// settingBody describes a setting.
type settingBody struct {
	Name       string `json:"name"`
	Value      string `json:"value" doc:"In force; three stars for a secret that is set."`
	Source     string `json:"source" doc:"flag, environment, .env, default, the variable with the path of a secret, or run time if it was changed since the start."`
	Configured string `json:"configured" doc:"What the source said at the start, if the value was changed at run time."`
	RunTime    bool   `json:"run_time" doc:"Whether it can be changed by PATCH."`
	Secret     bool   `json:"secret"`
	Doc        string `json:"doc"`
}

// runTimeBody is what can be changed while the masters run.
type runTimeBody struct {
	BatchSize  int    `json:"batch_size" doc:"Largest number of items in a chunk."`
	Partitions *int   `json:"partitions" doc:"Of the topic of the chunks; null while Kafka does not answer."`
	LogLevel   string `json:"log_level" enum:"default,debug,info,warn,error" doc:"Of all masters; default is the LOG_LEVEL of each."`
}

// auditBody describes a change that a person made.
type auditBody struct {
	At     *time.Time `json:"at"`
	By     string     `json:"by" doc:"Name of the token, without one the client's address."`
	Action string     `json:"action"`
	Target string     `json:"target"`
	Old    string     `json:"old"`
	New    string     `json:"new"`
}

// setSettingsInput changes settings. What is left out stays as it is.
type setSettingsInput struct {
	Body struct {
		BatchSize  *int    `json:"batch_size,omitempty" minimum:"1" maximum:"1000000" doc:"Largest number of items in a chunk that was not handed out yet."`
		Partitions *int    `json:"partitions,omitempty" minimum:"1" maximum:"10000" doc:"Of the topic of the chunks; they only grow."`
		LogLevel   *string `json:"log_level,omitempty" enum:"default,debug,info,warn,error" doc:"Of all masters; default is the LOG_LEVEL of each."`
	}
}

func (s *Server) registerSettings() {
	register(s, huma.Operation{
		OperationID: "get-settings", Method: http.MethodGet, Path: "/settings", Summary: "Show the settings, where they come from, and who changed what",
	}, s.settings)
	register(s, huma.Operation{
		OperationID: "set-settings", Method: http.MethodPatch, Path: "/settings", Summary: "Change settings of all masters while they run",
		Errors: []int{http.StatusConflict},
	}, s.setSettings)
}

func (s *Server) settings(ctx context.Context, _ *none) (out settingsBody, err error) {
	o, err := s.leaderOverview(ctx, false)
	if err != nil {
		return out, err
	}
	out = settingsBody{MasterID: o.Leader.MasterID, Settings: []settingBody{}, Audit: []auditBody{}}
	if out.RunTime, err = s.runTime(ctx); err != nil {
		return out, err
	}
	audit, err := ask[messages.Audit](ctx, s, messages.QueryAudit{})
	if err != nil {
		return out, err
	}
	for i := range audit {
		e := audit[len(audit)-1-i]
		out.Audit = append(out.Audit, auditBody{At: jsonTime(e.At), By: e.By, Action: e.Action, Target: e.Target, Old: e.Old, New: e.New})
	}
	for _, x := range s.cfg.Settings {
		out.Settings = append(out.Settings, showSetting(x, out.RunTime))
	}
	return out, nil
}

// runTime returns what is in force. Kafka may be away.
func (s *Server) runTime(ctx context.Context) (out runTimeBody, err error) {
	if out.BatchSize, err = ask[int](ctx, s, messages.QueryBatchSize{}); err != nil {
		return out, err
	}
	level, err := ask[messages.LogLevel](ctx, s, messages.QueryLogLevel{})
	if err != nil {
		return out, err
	}
	out.LogLevel = string(level)
	if list, err := ask[[]messages.Topic](ctx, s, messages.QueryTopics{}); err == nil {
		out.Partitions = s.chunkPartitions(list)
	}
	return out, nil
}

// chunkPartitions returns the number of partitions of the topic of the chunks.
func (s *Server) chunkPartitions(list []messages.Topic) *int {
	for _, t := range list {
		if t.Name == s.cfg.ChunkTopic {
			return &t.Partitions
		}
	}
	return nil
}

// setSettings changes what the body has. Partitions come first, since only they may be
// refused for what is there: then nothing is changed.
func (s *Server) setSettings(ctx context.Context, in *setSettingsInput) (out changed[runTimeBody], err error) {
	b := in.Body
	if b.BatchSize == nil && b.Partitions == nil && b.LogLevel == nil {
		return out, badValue("body", nil, "must have batch_size, partitions or log_level")
	}
	if out.Old, err = s.runTime(ctx); err != nil {
		return out, err
	}
	out.New = out.Old
	if b.Partitions != nil {
		list, err := ask[[]messages.Topic](ctx, s, messages.GrowPartitions{Partitions: *b.Partitions, By: by(ctx)})
		if err != nil {
			return out, err
		}
		out.New.Partitions = s.chunkPartitions(list)
	}
	if b.BatchSize != nil {
		if out.New.BatchSize, err = ask[int](ctx, s, messages.SetBatchSize{Items: *b.BatchSize, By: by(ctx)}); err != nil {
			return out, err
		}
	}
	if b.LogLevel != nil {
		level, err := ask[messages.LogLevel](ctx, s, messages.SetLogLevel{Level: *b.LogLevel, By: by(ctx)})
		if err != nil {
			return out, err
		}
		out.New.LogLevel = string(level)
	}
	return out, nil
}

// showSetting shows a setting as it is in force.
func showSetting(x Setting, now runTimeBody) settingBody {
	out := settingBody{Name: x.Name, Value: x.Value, Source: x.Source, Secret: x.Secret, Doc: x.Doc}
	value := x.Value
	switch x.Name {
	case settingBatchSize:
		value, out.RunTime = strconv.Itoa(now.BatchSize), true
	case settingPartitions:
		out.RunTime = true
		if now.Partitions != nil {
			value = strconv.Itoa(*now.Partitions)
		}
	case settingLogLevel:
		out.RunTime = true
		if now.LogLevel != messages.DefaultLogLevel {
			value = now.LogLevel
		}
	}
	if value != x.Value {
		out.Value, out.Source, out.Configured = value, sourceRunTime, x.Value
	}
	return out
}

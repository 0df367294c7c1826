package kafkabus

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/describegroups"
	"github.com/segmentio/kafka-go/protocol/leavegroup"
	"github.com/segmentio/kafka-go/protocol/listgroups"

	"kafka-master/messages"
)

const (
	// consumerType is the protocol type of a consumer group. A group with committed offsets
	// only has none.
	consumerType = "consumer"
	// groupsPerCall bounds the connections of one call, because kafka-go sends a request per
	// group, each on a connection of its own.
	groupsPerCall = 8
)

// Find returns the group that has members subscribed to topic. That is preferred when it
// has such members, or members in a rebalance, whose subscription is unknown; otherwise
// another group that has such members; otherwise preferred as it is, with the state Dead
// when it does not exist. (A group of the KIP-848 protocol is described as Dead, too.)
// Members carry their assigned partitions of topic.
//
// It repeats temporary failures for 2 s.
func (b *Bus) Find(ctx context.Context, topic, preferred string) (messages.GroupState, error) {
	g, err := repeat(ctx, retryFor, func() (messages.GroupState, error) { return b.find(ctx, topic, preferred) })
	if err != nil {
		return messages.GroupState{}, fmt.Errorf("find group of %s: %w", topic, err)
	}
	return g, nil
}

func (b *Bus) find(ctx context.Context, topic, preferred string) (messages.GroupState, error) {
	described, err := b.describe(ctx, topic, []string{preferred})
	if err != nil {
		return messages.GroupState{}, err
	}
	first := described[0]
	if subscribed(first, topic) || rebalancing(first) {
		return first, nil
	}
	names, err := b.consumerGroups(ctx)
	if err != nil {
		return messages.GroupState{}, err
	}
	for others := range slices.Chunk(names, groupsPerCall) {
		groups, err := b.describe(ctx, topic, others)
		if err != nil {
			return messages.GroupState{}, err
		}
		for _, g := range groups {
			if g.Name != preferred && subscribed(g, topic) {
				return g, nil
			}
		}
	}
	return first, nil
}

func subscribed(g messages.GroupState, topic string) bool {
	return slices.ContainsFunc(g.Members, func(m messages.GroupMember) bool { return slices.Contains(m.Topics, topic) })
}

// rebalancing reports whether the subscription of a member is unknown.
func rebalancing(g messages.GroupState) bool {
	return slices.ContainsFunc(g.Members, func(m messages.GroupMember) bool { return len(m.Topics) == 0 })
}

// consumerGroups returns the names of all consumer groups, sorted, so that the choice
// between two of them is stable.
func (b *Bus) consumerGroups(ctx context.Context) ([]string, error) {
	res, err := b.call(ctx, callTimeout, &listgroups.Request{})
	if err != nil {
		return nil, err
	}
	answer := res.(*listgroups.Response)
	if err := b.codeError(answer.ErrorCode, ""); err != nil {
		return nil, err
	}
	var names []string
	for _, g := range answer.Groups {
		if g.ProtocolType == consumerType {
			names = append(names, g.GroupID)
		}
	}
	slices.Sort(names)
	return names, nil
}

// describe asks the coordinator of each group. It decodes the members tolerantly, because
// kafka-go's own decoder fails on those of current clients.
func (b *Bus) describe(ctx context.Context, topic string, names []string) ([]messages.GroupState, error) {
	res, err := b.call(ctx, callTimeout, &describegroups.Request{Groups: names})
	if err != nil {
		return nil, err
	}
	groups := make([]messages.GroupState, 0, len(names))
	for _, g := range res.(*describegroups.Response).Groups {
		if g.ErrorCode == int16(kafka.GroupIdNotFound) {
			groups = append(groups, messages.GroupState{Name: g.GroupID, State: messages.GroupDead})
			continue
		}
		if err := b.codeError(g.ErrorCode, ""); err != nil {
			return nil, fmt.Errorf("describe group %s: %w", g.GroupID, err)
		}
		state := messages.GroupState{Name: g.GroupID, State: g.GroupState}
		for _, m := range g.Members {
			state.Members = append(state.Members, messages.GroupMember{
				ID:         m.MemberID,
				Topics:     subscription(m.MemberMetadata),
				Partitions: assignment(m.MemberAssignment, topic),
			})
		}
		groups = append(groups, state)
	}
	if len(groups) != len(names) {
		return nil, fmt.Errorf("%w: %d of %d groups described", messages.ErrMaybeWritten, len(groups), len(names))
	}
	return groups, nil
}

// Evict removes a member from the group. It is no error when the member is gone already.
// The group rebalances, and a live member that was evicted by mistake joins again under a
// new id. It repeats temporary failures for 2 s.
func (b *Bus) Evict(ctx context.Context, group, member string) error {
	_, err := repeat(ctx, retryFor, func() (struct{}, error) { return struct{}{}, b.evict(ctx, group, member) })
	if err != nil {
		return fmt.Errorf("evict %s from group %s: %w", member, group, err)
	}
	return nil
}

func (b *Bus) evict(ctx context.Context, group, member string) error {
	res, err := b.call(ctx, callTimeout, &leavegroup.Request{
		GroupID: group, Members: []leavegroup.RequestMember{{MemberID: member}},
	})
	if err != nil {
		return err
	}
	answer := res.(*leavegroup.Response)
	errs := []error{leaveError(answer)}
	for _, m := range answer.Members {
		errs = append(errs, memberError(m.ErrorCode))
	}
	err = errors.Join(errs...)
	if code, ok := errors.AsType[kafka.Error](err); ok {
		return b.codeError(int16(code), "")
	}
	return nil
}

// leaveError returns the error of the whole call. kafka-go decodes the code before the
// throttle time, but from version 1 on they are sent in the other order: the lower half of
// its throttle time is the code.
func leaveError(r *leavegroup.Response) error {
	if code := int16(r.ThrottleTimeMS & 0xffff); code != 0 {
		return memberError(code)
	}
	if len(r.Members) > 0 {
		return nil // its code is the upper half of a long throttle time
	}
	return memberError(r.ErrorCode)
}

// memberError returns the error of a code. It is nil for a member that is gone.
func memberError(code int16) error {
	if code == 0 || kafka.Error(code) == kafka.UnknownMemberId {
		return nil
	}
	return kafka.Error(code)
}

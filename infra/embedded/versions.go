package embedded

import (
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// versionsKey is the API key of ApiVersions. It is the only request that clients send in a
// version with tagged fields before they know the versions of the broker.
const versionsKey = 18

// untagged returns the newest version without tagged fields of each request. Decoding
// tagged fields loops as often as a body announces, at any depth, so that sixty bytes would
// use a core for a minute. Every client supports versions without them.
func untagged() *kversion.Versions {
	v := &kversion.Versions{}
	for key := range int16(kmsg.MaxKey + 1) {
		req := kmsg.RequestForKey(key)
		if req == nil {
			continue
		}
		if key == versionsKey {
			v.SetMaxKeyVersion(key, req.MaxVersion())
			continue
		}
		for version := req.MaxVersion(); version >= 0; version-- {
			if req.SetVersion(version); !req.IsFlexible() {
				v.SetMaxKeyVersion(key, version)
				break
			}
		}
	}
	return v
}

// untag refuses requests with tagged fields, except for ApiVersions, whose body it
// replaces, since the answer does not depend on it. header is the frame up to the client
// id.
func untag(req kmsg.Request, header []byte) ([]byte, error) {
	if req.Key() != versionsKey {
		return nil, fmt.Errorf("version %d of request %d has tagged fields, which this broker does not support", req.GetVersion(), req.Key())
	}
	own := kmsg.NewPtrApiVersionsRequest()
	own.SetVersion(req.GetVersion())
	own.ClientSoftwareName, own.ClientSoftwareVersion = "client", "0" // kfake requires both
	frame := own.AppendTo(append(header, 0))                          // the header has no tags
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-sizeBytes))
	return frame, nil
}

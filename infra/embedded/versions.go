package embedded

import (
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// versionsKey is the API key of ApiVersions, the one request of which clients
// send a version with tags before they know what the broker has.
const versionsKey = 18

// untagged are the newest versions of all requests that have no tagged fields.
// Decoding those counts down from whatever number of tags a body announces, at
// any depth: sixty bytes would take a core for a minute. Every client of today
// can do without.
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

// untag refuses requests with tagged fields, but for ApiVersions, whose body is
// replaced by one of our own: the answer does not depend on it. header is the frame
// up to the client id.
func untag(req kmsg.Request, header []byte) ([]byte, error) {
	if req.Key() != versionsKey {
		return nil, fmt.Errorf("version %d of request %d has tagged fields, which this broker does not take", req.GetVersion(), req.Key())
	}
	own := kmsg.NewPtrApiVersionsRequest()
	own.SetVersion(req.GetVersion())
	own.ClientSoftwareName, own.ClientSoftwareVersion = "client", "0" // kfake wants some
	frame := own.AppendTo(append(header, 0))                          // no tags in the header
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-sizeBytes))
	return frame, nil
}

package ledger

// Workers is the side of a ledger that concerns workers: what they take, get and lose.
type Workers struct{ l *Ledger }

// Workers returns the ledger's side that concerns workers.
func (l *Ledger) Workers() Workers { return Workers{l} }

// Attempts is the side of a ledger that concerns attempts: what is heard of them.
type Attempts struct{ l *Ledger }

// Attempts returns the ledger's side that concerns attempts.
func (l *Ledger) Attempts() Attempts { return Attempts{l} }

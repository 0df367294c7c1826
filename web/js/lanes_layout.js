// Where the attempts of a worker lie along time.

// begin is when an attempt began. Of a late result only the end is known.
export const begin = (attempt) => Date.parse(attempt.began_at ?? attempt.ended_at);

// lanes gives each attempt the first lane that is free when it begins.
export function lanes(all, present) {
  const ends = []; // of the last attempt in each lane
  return [...all].sort((a, b) => begin(a) - begin(b)).map((attempt) => {
    const from = begin(attempt);
    const to = attempt.ended_at ? Math.max(from, Date.parse(attempt.ended_at)) : present;
    let lane = ends.findIndex((end) => end <= from);
    if (lane < 0) lane = ends.length;
    ends[lane] = to;
    return { attempt, from, to, lane };
  });
}

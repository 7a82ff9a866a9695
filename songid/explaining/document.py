"""An explanation as the JSON document `songid.explanation/1`; see `songid/schemas`."""

from __future__ import annotations

from typing import Any

from songid.explaining.explanation import Candidate, Evidence, Explanation
from songid.explaining.words import sentence
from songid.results import recording_document

EXPLANATION_SCHEMA = "songid.explanation/1"


def explanation_document(why: Explanation) -> dict[str, Any]:
    """All that the words and the picture say, in numbers. Seconds of `window` are the file's."""
    return {
        "schema": EXPLANATION_SCHEMA,
        "source": why.source,
        "window": {
            "start_s": round(why.start_s, 3),
            "end_s": round(why.start_s + why.duration_s, 3),
        },
        "sounds": [
            {"start_s": round(span.start_s, 3), "end_s": round(span.end_s, 3), "kind": span.kind}
            for span in why.sounds
        ],
        "damage": why.damage,
        "verdict": why.verdict.value.replace(" ", "_"),
        "reason": sentence(why),
        "threshold": why.threshold,
        "landmarks": why.looked_up,
        "landmarks_too_common": why.common,
        "warps_tried": why.warps_tried,
        "candidates": [_candidate(why, each) for each in why.candidates],
        "evidence": None if why.evidence is None else _evidence(why.evidence),
        "catalogue": {
            "recordings": why.catalogue_size,
            "seconds": round(why.catalogue_s, 1),
            "fingerprinter": why.fingerprinter,
        },
    }


def error_document(source: str, reason: str) -> dict[str, Any]:
    """The document of a file in which nothing could be heard."""
    return {"schema": EXPLANATION_SCHEMA, "source": source, "error": reason}


def _candidate(why: Explanation, candidate: Candidate) -> dict[str, Any]:
    recording = why.recordings.get(candidate.recording_id)
    return recording_document(candidate.recording_id, recording) | {
        "lag_s": candidate.lag_s,
        "warp": {"tempo": candidate.warp.tempo, "pitch": candidate.warp.pitch},
        "landmarks": candidate.landmarks,
        "evidence_score": candidate.score,
        "evidence_score_needed": candidate.needed,
        "score": round(candidate.confidence * 100, 2),
        "shared": candidate.shared,
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    """Of the first candidate."""
    lags = evidence.lags
    return {
        "by_second": [round(each, 3) for each in evidence.seconds.tolist()],
        "discount": evidence.discount,
        "aligned": int(evidence.aligned.sum()),
        "elsewhere": int(evidence.other.sum()),
        "lag_weight": round(float(lags.weights.max(initial=0.0)), 3),
        "next_best_lag_weight": round(lags.next_best, 3),
        "chance_weight": round(lags.chance, 5),
    }

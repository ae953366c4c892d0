/*
 * event-kinds.h - every kind of event the ledger can hold
 *
 * The one list: the steward writes these, carve-events(7) explains them (a test
 * compares the two).
 */
#pragma once

/* name, meaning */
#define EVENT_KINDS(X)                                                                            \
	X(STARTED, "started", "the daemon began to work, with the driver it found")               \
	X(OBSERVING, "observing", "another manager decides about MIG here; carve only observes")       \
	X(ACTING, "acting", "no other manager decides about MIG here any more; carve acts again")     \
	X(STOPPED, "stopped", "the daemon was told to stop; leases go on")                        \
	X(REQUESTED, "requested", "somebody asked for an instance")                               \
	X(REFUSED, "refused", "a request was turned down, and why")                               \
	X(QUEUED, "queued", "a request waits for room")                                           \
	X(GRANTED, "granted", "a lease began: its instance was read back from the GPU")           \
	X(MOVED, "moved", "a lease has another instance, so that a request fits")                 \
	X(NOT_MOVED, "not-moved", "a lease that was to make room stays where it is")                \
	X(RENEWED, "renewed", "a lease has a new end")                                            \
	X(APPROVAL, "approval-needed", "a request waits until somebody approves it")              \
	X(APPROVED, "approved", "somebody approved a request, and why")                           \
	X(DENIED, "denied", "somebody denied a request, and why, or nobody answered it")          \
	X(EXPIRING, "expiring", "a lease ends soon; its holder is warned")                        \
	X(RECLAIM_NOTICE, "reclaim-notice", "a lease ends early for a guaranteed share, or no more") \
	X(RECLAIMED, "reclaimed", "a lease ended early: another team has its guaranteed share")   \
	X(EXPIRED, "expired", "the time of a lease is over")                                      \
	X(RELEASED, "released", "a lease was given back, a request withdrawn, or its process ended") \
	X(REVOKED, "revoked", "a lease or a request was ended by somebody else")                  \
	X(ENDING, "ending", "a lease or a request is over for another reason")                    \
	X(ENDED, "ended", "nothing runs on the instance of a lease any more")                     \
	X(FAILED, "failed", "an instance could not be created or removed")                        \
	X(CREATED, "created", "an instance was created and read back")                            \
	X(DESTROYED, "destroyed", "an instance was removed and is gone")                          \
	X(LOST, "lost", "an instance of ours vanished from its GPU")                              \
	X(RESTORED, "restored", "an instance that had vanished was made again")                   \
	X(STUCK, "stuck", "an instance cannot be removed; it is tried again")                     \
	X(OPENED, "opened", "the device nodes of an instance were opened to its holder alone")    \
	X(CLOSED, "closed", "the device nodes of an instance were closed again")                  \
	X(OPEN_FAILED, "open-failed", "device nodes could not be opened; it is tried again")      \
	X(CLOSE_FAILED, "close-failed", "device nodes or a control group could not be closed")    \
	X(STRANGER, "stranger", "an instance that carve did not make appeared; it is left alone") \
	X(STRANGER_GONE, "stranger-gone", "such an instance is gone")                             \
	X(GPU_SEEN, "gpu-seen", "a GPU appeared, or changed its MIG mode")                        \
	X(GPU_LOST, "gpu-lost", "a GPU does not answer any more")                                 \
	X(DRAIN, "drain", "a GPU or an instance is to be left: nothing new is placed there")      \
	X(DRAIN_NOTICE, "drain-notice", "the holder of a lease there is told when to leave")      \
	X(DRAINED, "drained", "nothing is held there any more")                                   \
	X(UNDRAINED, "undrained", "a drain was taken back")                                       \
	X(ADOPTED, "adopted", "an instance that carve did not make was taken over by an admin")   \
	X(CHANGE_BEGAN, "change-began", "a change of the layout began: who wants what")           \
	X(CHANGE_MOVED, "change-moved", "a change that waits for its time has another")           \
	X(OVERRIDDEN, "overridden", "an admin set a rule of the policy aside, and why")           \
	X(CHANGE_DONE, "change-done", "a change of the layout was read back: it is so")           \
	X(CHANGE_UNDONE, "change-undone", "a change failed or was given up; it is as before")     \
	X(CHANGE_DIRTY, "change-dirty", "a change failed, and the way back too; what stands")     \
	X(RESERVED, "reserved", "an admin keeps places for a team")                               \
	X(UNRESERVED, "unreserved", "places are no longer kept for a team")                       \
	X(POLICY, "policy", "a policy was loaded")                                                \
	X(POLICY_REFUSED, "policy-refused", "a policy file was refused; the former stays in force") \
	X(CUT, "cut", "events that are older than the policy keeps them were given up")

enum event_kind {
#define X(code, name, meaning) EVENT_##code,
	EVENT_KINDS(X)
#undef X
	EVENT_KIND_COUNT
};

const char *event_kind_name(enum event_kind kind);

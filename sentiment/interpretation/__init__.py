"""Why a network judges as it does: explanation of a review, gradient flow, memory tasks."""

"""What happens within a recurrent network: explanation of a review, gradient flow, memory tasks."""

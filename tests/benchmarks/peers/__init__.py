"""Training steps side by side with TRL's trainers: tokens a second, peak memory, gradients.

    python -m tests.benchmarks.peers [--only sft,dpo] [--alternations 5] [--device cpu] [--quick]

Both sides get the same weights, token ids, precision, threads, optimiser and batch of an optimiser
step, each in a process of its own, and take turns. Each side's way of cutting that batch is
searched first, by the same rule. What is timed is a whole optimiser step.
"""

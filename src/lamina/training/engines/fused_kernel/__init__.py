"""The fused kernel: a training loop written as vector code for one network's sizes."""

"""gpt2, codegen, xglm and deepseek_v2 through an adapter over `transformers`: served and evaluated, never trained."""

/* The embedded default model: models/synthetic.hedon as it is, among the program's read-only pages,
 * so that nothing of it is read before somebody opens it. Made by tools/train_default. */
    .section .rodata
    .balign 64
    .global hedon_synthetic_model
    .hidden hedon_synthetic_model
hedon_synthetic_model:
    .incbin HEDON_SYNTHETIC_MODEL
    .global hedon_synthetic_model_end
    .hidden hedon_synthetic_model_end
hedon_synthetic_model_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits

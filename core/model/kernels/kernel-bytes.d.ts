/** The compiled kernels, in base64, without and with relaxed SIMD; written by scripts/kernels.mjs beside the compiled code. */
export declare const kernelBytes: string;
export declare const relaxedKernelBytes: string;

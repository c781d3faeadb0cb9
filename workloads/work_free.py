"""Names of the Keras layers and operations without a product, which count as zero by convention.

What stands neither here nor among the rules is unknown, never zero, so a name is only added after a look at its code.
"""

_LAYERS = """
Activation ActivityRegularization ELU LeakyReLU PReLU ReLU Softmax Identity InputLayer Masking
Add Average Concatenate Maximum Minimum Multiply Subtract
AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D
AdaptiveMaxPooling2D AdaptiveMaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D MaxPooling1D
MaxPooling2D MaxPooling3D GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
AlphaDropout Dropout GaussianDropout GaussianNoise SpatialDropout1D SpatialDropout2D SpatialDropout3D
BatchNormalization GroupNormalization LayerNormalization Normalization RMSNormalization UnitNormalization
Cropping1D Cropping2D Cropping3D Flatten Permute RepeatVector Reshape UpSampling1D UpSampling2D UpSampling3D
ZeroPadding1D ZeroPadding2D ZeroPadding3D
CategoryEncoding CenterCrop Discretization HashedCrossing Hashing IntegerLookup StringLookup TextVectorization
MaxNumBoundingBoxes RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop
RandomErasing RandomFlip RandomGrayscale RandomHue RandomInvert RandomPosterization RandomRotation
RandomSaturation RandomTranslation RandomZoom Rescaling Resizing Solarization
AutoContrast Equalization CutMix MixUp
"""
FREE_LAYERS = frozenset(_LAYERS.split())
"""Layers without a product: element-wise, reductions, copies, lookups, interpolation."""

_OPERATIONS = """
Abs Absolute Add All Amax Amin Any Append Arange Arccos Arccosh Arcsin Arcsinh Arctan Arctan2 Arctanh Argmax
Argmin Argpartition Argsort Array ArraySplit Average BitwiseAnd BitwiseInvert BitwiseLeftShift BitwiseNot
BitwiseOr BitwiseRightShift BitwiseXor BroadcastTo Cbrt Ceil Clip Concatenate Conj Conjugate Copy Cos Cosh
CountNonzero Cross Cumprod Cumsum Deg2rad Diag Diagflat Diagonal Diff Digitize Divide DivideNoNan Dsplit Dstack
EmptyLike Equal Exp Exp2 ExpandDims Expm1 Fabs Flip Fliplr Flipud Floor FloorDivide Fmax Fmin Fmod Full FullLike
GetItem Greater GreaterEqual Heaviside Hsplit Hstack Hypot Imag IsIn Isclose Isfinite Isinf Isnan Isneginf
Isposinf Isreal Kron Ldexp LeftShift Less LessEqual Linspace Log Log10 Log1p Log2 Logaddexp Logaddexp2
LogicalAnd LogicalNot LogicalOr LogicalXor Max Maximum Mean Median Meshgrid Min Minimum Mod Moveaxis Multiply
NanToNum Nanargmax Nanargmin Nancumprod Nancumsum Nanmax Nanmean Nanmedian Nanmin Nanpercentile Nanprod
Nanquantile Nanstd Nansum Nanvar Ndim Negative Nonzero NotEqual OnesLike Outer Pad Percentile Power Prod Ptp
Quantile Rad2deg Ravel Real Reciprocal Repeat Reshape RightShift Roll Rot90 Round SearchSorted Select Sign
Signbit Sin Sinc Sinh Size Sort Split Sqrt Square Squeeze Stack Std Subtract Sum Swapaxes Take TakeAlongAxis
Tan Tanh Tile Trace Transpose Trapezoid Tril Triu TrueDivide Trunc UnravelIndex Vander Var View Vsplit Vstack
Where ZerosLike
AdaptiveAveragePool AdaptiveMaxPool AveragePool BatchNorm BinaryCrossentropy CategoricalCrossentropy Celu
DepthToSpace Elu Gelu Glu HardShrink HardSigmoid HardSilu HardTanh LayerNorm LeakyRelu LogSigmoid LogSoftmax
MaxPool Moments MultiHot Normalize OneHot PSNR Polar RMSNorm Relu Relu6 Selu Sigmoid Silu SoftShrink Softmax
Softplus Softsign SpaceToDepth SparseCategoricalCrossentropy SparsePlus SparseSigmoid Sparsemax Squareplus
TanhShrink Threshold
Cast ConvertToTensor SaturateCast Scatter ScatterUpdate Slice SliceUpdate StopGradient Unstack Rearrange
CropImages ExtractPatches HSVToRGB PadImages RGBToGrayscale RGBToHSV Resize
Erf Erfc Erfinv ExtractSequences InTopK Logsumexp Rsqrt SegmentMax SegmentMin SegmentProd SegmentReduction
SegmentSum TopK ViewAsComplex ViewAsReal
"""
FREE_OPERATIONS = frozenset(_OPERATIONS.split())
"""Operations without a product. Decompositions, Fourier transforms, loops and branches are not here: unknown."""

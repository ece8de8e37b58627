"""What ops refuse: dtypes that PyTorch's kernels do not have, tensors given as `out=` that cannot take the result, wrong lists.

In: expressions.  Out: PyTorch's error class and the beginning of its message (written down from PyTorch 2.13 on the CPU).
"""
from __future__ import annotations

from collections.abc import Callable

import pytest

import torchish as torch

# expression | kernel | dtype: NotImplementedError '"kernel" not implemented for 'dtype''
KERNELS = """
b@b|dot|Bool
B@B|bmm|Bool
t.baddbmm(B,B,B)|baddbmm|Bool
t.addbmm(B[0],B,B)|addmm_impl_cpu_|Bool
t.inner(b,b)|dot|Bool
t.linalg.multi_dot([B[0],B[0]])|addmm_impl_cpu_|Bool
b%b|remainder_cpu|Bool
b//b|div_floor_cpu|Bool
t.div(b,b,rounding_mode="trunc")|div_trunc_cpu|Bool
t.fmod(b,b)|fmod_cpu|Bool
b**b|pow|Bool
t.bitwise_left_shift(b,b)|lshift_cpu|Bool
t.bitwise_right_shift(b,b)|rshift_cpu|Bool
t.addcmul(b,b,b)|addcmul_cpu_out|Bool
t.lerp(b,b,b)|lerp_kernel_tensor|Bool
t.lerp(b,b,0.5)|lerp_kernel_scalar|Bool
t.clamp(b,b,b)|clamp_cpu|Bool
t.clamp(b,False,True)|clamp_scalar_cpu|Bool
t.clamp(b,max=True)|clamp_max_scalar_cpu|Bool
b.clamp_min(False)|clamp_min_scalar_cpu|Bool
t.clamp_min(c,c)|maximum_cpu|ComplexFloat
t.clamp_max(c,c)|minimum_cpu|ComplexFloat
t.cumsum(b,0,dtype=t.bool)|cumsum_out_cpu|Bool
t.cumprod(b,0,dtype=t.bool)|cumprod_out_cpu|Bool
t.cross(b,b,dim=0)|cross|Bool
t.cdist(h,h)|cdist|Half
t.arange(3,dtype=t.bool)|arange_cpu|Bool
t.arange(0,1,dtype=t.complex64)|arange_cpu|ComplexFloat
t.searchsorted(b,b)|searchsorted_out_cpu|Bool
t.bucketize(c,c)|searchsorted_out_cpu|ComplexFloat
t.kthvalue(b,1)|kthvalue_cpu|Bool
t.kthvalue(c,1)|kthvalue_cpu|ComplexFloat
t.histc(b)|linspace_cpu|Bool
t.histc(i)|histogram_cpu|Long
t.histogram(h[0],3)|histogramdd|Half
t.histogram(i,i)|histogram_cpu|Long
t.histogramdd(i[:,None],[3])|histogramdd|Long
t.index_reduce(b,0,i[:1],b[:1],"amax")|index_func_|Bool
t.index_reduce(c,0,i[:1],c[:1],"prod",include_self=False)|index_reduce_func_exclude_input_init|ComplexFloat
t.index_reduce(c[:,None],0,i[:1],c[:1,None],"amin")|minimum_cpu|ComplexFloat
t.linalg.solve_triangular(h,h,upper=True)|triangular_solve_cpu|Half
t.linalg.solve(h,h)|lu_cpu|Half
t.linalg.tensorsolve(h,h[0])|lu_cpu|Half
t.cholesky_solve(h,h)|cholesky_solve_cpu|Half
t.cholesky_inverse(B[0].long())|cholesky_inverse_out_cpu|Long
t.linalg.householder_product(h,h[0])|orgqr_cpu|Half
t.ormqr(h,h[0],h)|ormqr_cpu|Half
t.geqrf(h)|geqrf_cpu|Half
t.linalg.ldl_factor(h)|ldl_factor_kernel_cpu|Half
F.grid_sample(i.view(1,1,3,1),i.view(1,3,1)[...,None].expand(1,3,1,2),align_corners=False)|grid_sampler_2d_cpu_kernel_impl|Long
"""
# expression | class | how the message begins
OTHERS = """
F.embedding_bag(t.tensor([1,5]),t.ones(5,2),t.tensor([0]))|RuntimeError|Index 1 of input takes value 5 which is
F.embedding_bag(t.tensor([5]),t.ones(5,2),t.tensor([0]),mode="max")|RuntimeError|embedding_bag: Expected idx >= 0 &&
F.embedding_bag(i,t.ones(5),t.tensor([0]))|ValueError|weight has to be a 2D Tensor, but got Tensor of dimension 1
F.embedding_bag(i,t.ones(5,2),t.tensor([1]))|RuntimeError|offsets[0] has to be 0, i.e., the first sequence
F.embedding_bag(i,t.ones(5,2),t.tensor([0,4]))|RuntimeError|offsets[-1] can not be greater than input's length 3 but got
F.embedding_bag(i,t.ones(5,2),t.tensor([0]),mode="max",sparse=True)|ValueError|max mode does not support sparse weights
F.embedding_bag(i,t.ones(5,2),t.tensor([0]),mode="max",scale_grad_by_freq=True)|ValueError|max mode does not support scaling
F.embedding_bag(i,t.ones(5,2),i,per_sample_weights=x[:2])|ValueError|embedding_bag: If per_sample_weights (torch
F.embedding_bag(i,t.ones(5,2),i,mode="sum",per_sample_weights=x[:2])|ValueError|embedding_bag: If per_sample_weights (torch
F.multi_margin_loss(h.float(),t.tensor([0,2]))|RuntimeError|target out of range
F.multilabel_margin_loss(h.float(),t.tensor([[0,-1],[0,2]]))|RuntimeError|argument #2 'target' is out of range
F.binary_cross_entropy(t.tensor([2.]),x[:1])|RuntimeError|all elements of input should be between 0 and 1
F.binary_cross_entropy(x,t.tensor([0,1,float("nan")]))|RuntimeError|all elements of target should be between 0 and 1
F.cosine_embedding_loss(h,h,x)|RuntimeError|The size of tensor a (3) must match the size of tensor b (2) at
F.conv1d(h[None].double(),t.ones(1,2,1))|RuntimeError|expected scalar type Double but found Float
F.conv1d(h[None].double(),t.ones(1,2,1),t.ones(1))|RuntimeError|Input type (double) and bias type (float) should be the same
F.conv_transpose1d(h[None].double(),t.ones(2,1,1),t.ones(1))|RuntimeError|expected scalar type Double but found Float
t.dropout(x,2.0,True)|RuntimeError|dropout probability has to be between 0 and 1, but got 2
t.feature_dropout(h,-0.5,True)|RuntimeError|dropout probability has to be between 0 and 1, but got -0.5
F.dropout(x,2.0)|ValueError|dropout probability has to be between 0 and 1, but got 2.0
t.isclose(x,x[:2])|RuntimeError|The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0
t.complex(x,x[:2])|RuntimeError|The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0
t.polar(x,x[:2])|RuntimeError|The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0
t.linalg.cross(x[0],x[0])|IndexError|Dimension specified as -1 but tensor has no dimensions
t.trapezoid(x[0])|IndexError|Dimension specified as -1 but tensor has no dimensions
t.lu_unpack(x[0],i[0].int())|RuntimeError|torch.lu_unpack: Expected tensor with 2 or more dimensions
F.linear(x,x[0])|RuntimeError|both arguments to linear need to be at least 1D, but they are 1D and 0D
F.pad(h[:,:0],(1,2),mode="replicate")|RuntimeError|Expected 2D or 3D (batch mode) tensor with possibly 0 batch size and other non-
F.adaptive_avg_pool1d(h[None,:,:0].float(),3)|RuntimeError|adaptive_avg_pool2d(): Expected input to have non-zero size for non-
F.adaptive_max_pool1d(h[None,:,:0].float(),3)|RuntimeError|adaptive_max_pool1d(): Expected input to have non-zero size for non-
t.aminmax(h[:,:0],dim=1)|IndexError|aminmax: Expected reduction dim 1 to have non-zero size
F.interpolate(h[None],0)|RuntimeError|Input and output sizes should be greater than 0, but got input (W: 2) and output (W: 0)
F.interpolate(h[None],3,mode="bicubic")|NotImplementedError|Input Error: Only 3D, 4D and 5D input Tensors supported (got 3D)
F.batch_norm(h.float(),x,x,x,training=True)|RuntimeError|running_mean should contain 2 elements not 3
t.constant_pad_nd(x,(1,1,1,1))|RuntimeError|Length of pad should be no more than twice the number of dimensions of the input
t.constant_pad_nd(x,(1,))|RuntimeError|Length of pad must be even but instead it equals 1
F.pad(t.zeros(1,1,24,20),(20,20,20,20),"reflect")|RuntimeError|Argument #4: Padding size should be less than the corresponding \
input dimension, but got: padding (20, 20) at dimension 3 of input [1, 1, 24, 20]
F.pad(t.zeros(1,1,4,20),(2,2,5,4),"reflect")|RuntimeError|Argument #6: Padding size should be less than the corresponding \
input dimension, but got: padding (5, 4) at dimension 2 of input [1, 1, 4, 20]
F.pad(t.zeros(1,4),(-2,-2),"replicate")|RuntimeError|input (W: 4) is too small. Calculated output W: 0
F.pad(t.zeros(1,4,5),(-3,-2,-4,-1),"reflect")|RuntimeError|input (H: 4, W: 5) is too small. Calculated output H: -1 W: 0
F.pad(t.zeros(1,4),(-3,-2),"circular")|RuntimeError|Negative padding value is resulting in an empty dimension
F.pad(x,(1,1,1,1),"reflect")|RuntimeError|Padding length should be less than or equal to two times the input dimension
t.nn.CircularPad2d(1)(x)|ValueError|expected 3D or 4D input (got 1D input)
t.nn.Parameter(i)|RuntimeError|Only Tensors of floating point and complex dtype can require gradients
t.dist(b,b)|RuntimeError|Subtraction, the `-` operator, with two bool tensors is not supported
t.gradient(b)|RuntimeError|Subtraction, the `-` operator, with two bool tensors is not supported
t.zeros(0,3).index_select(0,t.tensor([0,1]))|RuntimeError|index_select(): self indexing axis dim should be positive
F.embedding(t.tensor([0,1]),t.zeros(0,3))|RuntimeError|index_select(): self indexing axis dim should be positive
t.zeros(0,3)[t.tensor([0,1])]|IndexError|index is out of bounds for dimension with size 0
t.zeros(0,3).take(t.tensor([0,1]))|IndexError|take(): tried to take from an empty tensor
t.baddbmm(t.ones(2,2),t.ones(2,2),t.ones(2,2))|IndexError|Dimension out of range (expected to be in range of [-2, 1], but got 2)
t.ones(3,3).fill_diagonal_("a")|TypeError|fill_diagonal_(): argument 'fill_value' (position 1) must be Number, not str
t.nn.utils.rnn.pad_sequence([t.ones(2,3),t.ones(2,4)])|RuntimeError|The size of tensor a (3) must match the size of tensor b (4) \
at non-singleton dimension 1
t.gradient(i.to(t.uint8))|RuntimeError|torch.gradient does not support uint8 input
t.trapezoid(b,b)|RuntimeError|trapezoid: received a bool input for `x` or `y`, but bool is not supported
t.isin(c,c)|RuntimeError|Unsupported input type encountered for isin(): ComplexFloat
t.fft.ihfftn(c)|RuntimeError|Only supports floating-point dtypes, but found: ComplexFloat
t.allclose(x,b)|RuntimeError|Float did not match Bool
t.mm(h.to(t.int16),h.float())|RuntimeError|expected m1 and m2 to have the same dtype, but got: short int != float
t.logdet(B[0])|RuntimeError|logdet: Expected a floating point or complex tensor as input. Got Bool
t.linalg.tensorinv(B[0],1)|RuntimeError|linalg.inv: Expected a floating point or complex tensor as input. Got Bool
t.linalg.lstsq(h,h)|RuntimeError|This function doesn't handle types other than float and double
t.cat([x,None])|TypeError|expected Tensor as element 1 in argument 0, but got NoneType
t.stack([3,x])|TypeError|expected Tensor as element 0 in argument 0, but got int
t.select_scatter(x[0],x[0],0,0)|IndexError|select() cannot be applied to a 0-dim tensor
t.slice_scatter(x[0],x[0],0,0)|IndexError|slice() cannot be applied to a 0-dim tensor
t.slice_scatter(x,x,2)|IndexError|Dimension out of range (expected to be in range of [-1, 0], but got 2)
t.slice_scatter(x,x,0,0,3,-1)|RuntimeError|slice step must be positive
t.cat(3)|TypeError|cat(): argument 'tensors' (position 1) must be tuple of Tensors, not int
t.flatten([1])|TypeError|flatten(): argument 'input' (position 1) must be Tensor, not list
t.std([1.])|TypeError|std(): argument 'input' (position 1) must be Tensor, not list
t.allclose(x,1)|TypeError|allclose(): argument 'other' (position 2) must be Tensor, not int
t.equal(1,x)|TypeError|equal(): argument 'input' (position 1) must be Tensor, not int
t.cat(None)|TypeError|cat(): argument 'tensors' (position 1) must be tuple of Tensors, not NoneType
t.hsplit(h,"abc")|TypeError|hsplit() received an invalid combination of arguments - got (Tensor, str), but expected one of:
t.empty_permuted((2,),(3,))|RuntimeError|Dimension out of range (expected to be between 0 and 0, but got 3 at index 0)
t.histogramdd(x[:,None],[1,1])|RuntimeError|histogramdd: The size of bins must be equal to the innermost dimension of the input
t._chunk_cat([h,x],0,1)|RuntimeError|_chunk_cat expects all input tensors with the same dtype
t.add(g,1,out=x)|RuntimeError|add(): functions with out=... arguments don't support automatic differentiation
t.add(x,1,out=g)|RuntimeError|add(): functions with out=... arguments don't support automatic differentiation
t.abs(x,out=i)|RuntimeError|Found dtype Long but expected Float
t.add(x,1,out=i)|RuntimeError|result type Float can't be cast to the desired output type Long
t.mm(h,h,out=x)|RuntimeError|Expected out tensor to have dtype c10::Half, but got float instead
t.t_copy(h,out=x)|RuntimeError|Expected out tensor to have dtype c10::Half, but got float instead
t.cummax(x,0,out=(i,i))|RuntimeError|expected scalar_type Float but found Long
t.dot(x,x,out=i)|RuntimeError|result dtype Long does not match input dtype Float
t.cat([x],out=i)|TypeError|torch.cat(): input types can't be cast to the desired output type Long
t.fft.fft(x,out=x)|RuntimeError|fft expects a complex output tensor, but got Float
t.linalg.norm(x,out=i)|RuntimeError|linalg.norm expected out tensor dtype Float but got: Long
t.linalg.eigvals(x[:1,None],out=x)|RuntimeError|torch.linalg.eigvals: Expected eigenvalues to be safely castable from ComplexFloat
t.max(h,0,out=(x,i))|RuntimeError|Expected out tensor to have dtype c10::Half, but got float instead
t.median(x,0,out=(x,x))|RuntimeError|Expected tensor for argument #1 'indices' to have scalar type Long; but got torch.FloatTensor
t.frexp(x,out=(x,i))|RuntimeError|torch.frexp() expects exponent to have int dtype but got long
t.ones(1,2).addmm_(t.ones(3,2),t.ones(2,2))|RuntimeError|Bad in-place call: input tensor size [1, 2] and output tensor size [3, 2]
i.ldexp_(i)|RuntimeError|ldexp can't be cast to the desired output type Long
x.float_power_(2)|RuntimeError|the base given to float_power_ has dtype Float but the operation's result requires dtype Double
c.abs_()|RuntimeError|In-place abs is not supported for complex tensors
i.add_(0.5)|RuntimeError|result type Float can't be cast to the desired output type Long
t.add(x,1,out=x[:1].expand(3))|RuntimeError|unsupported operation: more than one element of the written-to tensor
t.gather(x,0,i,out=x)|RuntimeError|unsupported operation: some elements of the input tensor and the written-to
t.gather(x,0,i[:2],out=x[1:])|RuntimeError|unsupported operation: some elements of the input tensor and the written-to
t.cat([h[0],x[:1]],out=x)|RuntimeError|unsupported operation: some elements of the input tensor and the written-to
x.scatter_(0,i,x)|RuntimeError|unsupported operation: some elements of the input tensor and the written-to
x[:2].scatter_add_(0,i[:2]*0,x[1:])|RuntimeError|unsupported operation: some elements of the input tensor and the written-to
i.scatter_(0,i,1)|RuntimeError|unsupported operation: some elements of the input tensor and the written-to
x.scatter_reduce_(0,i,x,"sum")|RuntimeError|unsupported operation: some elements of the input tensor and the written-to
x.index_add_(0,i,x)|RuntimeError|unsupported operation: some elements of the input tensor and the written-to
x.index_copy_(0,i,x)|RuntimeError|unsupported operation: some elements of the input tensor and the written-to
i.index_fill_(0,i,1)|RuntimeError|unsupported operation: some elements of the input tensor and the written-to
t.mean(x,0,dtype=t.float,out=t.empty(0,dtype=t.double))|RuntimeError|Expected out tensor to have dtype float, but got double
t.nansum(i,0,dtype=t.float,out=i)|RuntimeError|Expected out tensor to have dtype float, but got long int
t.nansum(x,dtype=t.cfloat)|NotImplementedError|"nansum_cpu" not implemented for 'ComplexFloat'
t.nanmean(x,dtype=t.long)|RuntimeError|nanmean(): could not infer output dtype. Optional dtype must be either a floating point
t.histc(i,4,min=5,max=1)|RuntimeError|torch.histc: max must be larger than min
t.histogram(x,1,weight=x.double())|RuntimeError|torch.histogramdd: if weight tensor is provided, input tensor and weight tensor
t.histogram(x,t.ones(2,2))|RuntimeError|torch.histogramdd: bins tensor should have one dimension, but got 2 dimensions in the bins
t.histogram(x,x[:0])|RuntimeError|torch.histogramdd: bins tensor should have at least 1 element, but got 0 elements in the bins
t.histogram(x,x[:1])|RuntimeError|torch.histogram(): bins must be > 0, but got 0 for dimension 0
t.histogram(x,x,range=(0,1))|TypeError|histogram() received an invalid combination of arguments
t.histogram(x,2.)|TypeError|histogram() received an invalid combination of arguments
t.histogram(x,2,range=(1,0))|RuntimeError|torch.histogramdd: min should not exceed max, but got min 1 max 0 for dimension 0
t.histogram(x,1,out=(x,x.double()))|RuntimeError|torch.histogram: input tensor and bin_edges tensor should have the same dtype, but
t.histogramdd(x,[2])|RuntimeError|torch.histogramdd: input tensor should have at least 2 dimensions
t.histogramdd(h,[2,0],range=[0.,1.])|RuntimeError|torch.histogramdd: for a 2-dimensional histogram range should have 4 elements, but
t.empty_permuted((2,),(0,1))|RuntimeError|Number of dimensions in size does not match the length of the physical_layout
x.__setitem__(x>0,t.tensor(1j))|RuntimeError|value cannot be converted to type float without overflow
h.masked_fill(h>0,1j)|RuntimeError|value cannot be converted to type c10::Half without overflow
x.put_(i,x)|RuntimeError|unsupported operation: some elements of the input tensor and the written-to
"""


MATRICES = """
L.solve(m,x[:2],left=False)|RuntimeError|linalg.solve: Incompatible shapes of A and B for the equation XA = B (2x2 and 2x1)
t.cholesky_solve(x[:2,None],t.eye(3))|RuntimeError|Incompatible matrix sizes for cholesky_solve: each A matrix is 3 by 3 but each b
t.triangular_solve(x[:2],m)|RuntimeError|torch.triangular_solve: Expected b to have at least 2 dimensions, but it has 1
L.svdvals(nan)|LinAlgError|linalg.svd: The algorithm failed to converge because the input matrix contained non-finite values.
L.eig(nan)|RuntimeError|torch.linalg.eig: input tensor should not contain infs or NaNs.
L.svdvals(m,driver="gesvd")|RuntimeError|torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs
t.geqrf(x)|RuntimeError|torch.geqrf: input must have at least 2 dimensions.
L.householder_product(m,x)|RuntimeError|torch.linalg.householder_product: input.shape[-1] must be greater than or equal to tau.shape
L.householder_product(m,m)|RuntimeError|torch.linalg.householder_product: Expected tau to have one dimension less than input, but go
L.householder_product(m,x[:2].double())|RuntimeError|torch.linalg.householder_product: tau dtype Double does not match input dtype
t.ormqr(m,x,m)|RuntimeError|torch.ormqr: tau.shape[-1] must be equal to min(other.shape[-2], input.shape[-1])
L.matrix_rank(m,atol=c[0])|RuntimeError|torch.linalg.matrix_rank: atol tensor of complex type is not supported. Got ComplexFloat
L.pinv(m,rcond=c[0])|RuntimeError|torch.linalg.pinv: rcond tensor of complex type is not supported. Got ComplexFloat
L.pinv(t.ones(2,3),hermitian=True)|RuntimeError|linalg.eigh: A must be batches of square matrices, but they are 2 by 3 matrices
L.norm(m,2,dim=(0,1,2))|RuntimeError|linalg.norm: If dim is specified, it must be of length 1 or 2. Got [0, 1, 2]
L.norm(m,dtype=t.int64)|RuntimeError|linalg.vector_norm: dtype should be floating point or complex, but got Long
L.norm(m,2,dtype=t.complex64)|RuntimeError|linalg.matrix_norm: dtype should be real for real inputs, but got ComplexFloat
L.norm(m.double(),dtype=t.float32)|RuntimeError|linalg.vector_norm: the dtype of the input (Double) should be convertible without
L.norm(x[:0],-1)|RuntimeError|linalg.vector_norm cannot compute the -1 norm on an empty tensor because the operation does not have
L.vector_norm(m[:0],float("inf"),0)|RuntimeError|linalg.vector_norm cannot compute the inf norm on the dimension 0because this
L.vector_norm(m,"fro")|TypeError|linalg_vector_norm(): argument 'ord' (position 2) must be Number, not str
t.norm(m,"nuc",dim=0)|RuntimeError|linalg.matrix_norm: dim must be a 2-tuple. Got 0
L.cond(t.ones(2,3),1)|RuntimeError|linalg.cond(ord=1): A must be batches of square matrices, but they are 2 by 3 matrices
L.matrix_power(m,2.)|TypeError|linalg_matrix_power(): argument 'n' (position 2) must be int, not float
L.multi_dot([m,m.double()])|RuntimeError|multi_dot(): all tensors must have be the same dtype but tensor 0 is float and tensor 1 dou
L.vecdot(x,i)|RuntimeError|linalg.vecdot: Expected x and y to have the same dtype, but found x of type Float and y of type Long
t.vander(i,N=-1)|RuntimeError|N must be non-negative.
L.lu_solve(m,p,x[:2])|RuntimeError|linalg.lu_solve: The input tensor B must have at least 2 dimensions.
L.lu_solve(m,p[:1],m)|RuntimeError|linalg.lu_solve: Number of pivots per batch should be same as the dimension of the matrix
L.lu_solve(m,p,x[:,None])|RuntimeError|linalg.lu_solve: Incompatible shapes of A and B for the equation AX = B (2x2 and 3x1)
t.inner(x,x.double())|RuntimeError|both inputs should have same dtype
t.addmv(x,m,x[:2])|RuntimeError|size mismatch, got input (3), mat (2x2), vec (2)
t.addr(i,i,i,beta=1.5)|RuntimeError|For integral input tensors, argument beta must not be a floating point number.
t.baddbmm(m,t.ones(1,2,3),t.ones(1,2,3))|RuntimeError|The expanded size of the tensor (3) must match the existing size (2)
t.einsum("...i,...i->...",t.ones(2,3),t.ones(4,3))|RuntimeError|einsum(): dimension 0 covered by ellipsis in operand 1has size 4
t.einsum(m,[0,100])|ValueError|einsum(): subscript in subscript list is not within the valid range [0, 52)
t.trace(B[0])|NotImplementedError|"trace" not implemented for 'Bool'
t.cdist(m,m.double())|RuntimeError|expected scalar type Float but found Double
t.cdist(m,m,compute_mode="x")|ValueError|x is not a valid value for compute_mode
t.renorm(m,2,0,-1.)|RuntimeError|renorm: expected maxnorm to be >= 0 but got -1
t.dist(b,x)|RuntimeError|Subtraction, the `-` operator, with a bool tensor is not supported
t.heaviside(x,i)|RuntimeError|heaviside is not yet implemented for tensors with different dtypes.
"""


VALUES = """
t.polygamma(1.5,x)|TypeError|polygamma(): argument 'n' (position 1) must be int, not float
t.diff(x,prepend=m)|RuntimeError|diff expects prepend or append to be the same dimension as input
t.diff(m,append=t.ones(3,1))|RuntimeError|diff expects the shape of tensor to prepend or append to match that of input except along
t.histogram(x,bins=2,range=(0.,1.),weight=x[:1])|RuntimeError|torch.histogramdd: if weight tensor is provided it should have the sam
t.is_complex(3)|TypeError|is_complex(): argument 'input' (position 1) must be Tensor, not int
p.to(t.int8).clamp(max=300)|RuntimeError|value cannot be converted to type int8_t without overflow
p.clamp(0,1<<40)|RuntimeError|value cannot be converted to type int without overflow
x.__setitem__(i,x.double())|RuntimeError|Index put requires the source and destination dtypes match, got Float for the destination a
x.__setitem__(i[:1],i.sum())|RuntimeError|Index put requires the source and destination dtypes match, got Float for the destination
"""
SPECTRA = """
t.fft.rfftn(m,dim=())|RuntimeError|rfftn must transform at least one axis
t.fft.irfftn(m[:,:1])|RuntimeError|Invalid number of data points (0) specified
t.fft.fftn(m[:0])|RuntimeError|Invalid number of data points (0) specified
t.fft.fftshift(x,dim=())|RuntimeError|`shifts` required
t.fft.fftfreq(2.5)|TypeError|fft_fftfreq(): argument 'n' (position 1) must be int, not float
t.fft.rfftfreq(5,dtype=t.int64)|RuntimeError|rfftfreq requires a floating point or complex dtype
t.fft.fftfreq(5,dtype=t.complex64)|NotImplementedError|"arange_cpu" not implemented for 'ComplexFloat'
t.stft(x,2,hop_length=0,window=x[:2],return_complex=True)|RuntimeError|stft(torch.FloatTensor[5], n_fft=2, hop_length=0, win_length=
t.stft(c,2,1,window=x[:2],onesided=True)|RuntimeError|Cannot have onesided output if window or input is complex
t.stft(x,2,window=x[:2],align_to_window=True,return_complex=True)|RuntimeError|stft align_to_window should only be set when center
t.istft(t.ones(3,5)+0j,6,window=t.ones(6))|RuntimeError|istft(CPUComplexFloatType[3, 5], n_fft=6, hop_length=1, win_length=6, window
t.istft(t.ones(3,5)+0j,4,window=x)|RuntimeError|istft(CPUComplexFloatType[3, 5], n_fft=4, hop_length=1, win_length=4, window=torch.F
t.istft(t.ones(3,5)+0j,4,window=t.ones(4)+0j)|RuntimeError|Complex windows are incompatible with return_complex=False
t.istft(t.ones(3,5)+0j,4,window=t.ones(4),return_complex=True)|RuntimeError|Cannot have onesided output if window or input is comple
"""


def operands() -> dict:
    m = torch.tensor([[2.0, 1.0], [1.0, 3.0]])
    return {"t": torch, "L": torch.linalg, "m": m,
            "p": torch.tensor([1, 2], dtype=torch.int32),
            "nan": torch.tensor([[float("nan"), 1.0], [1.0, 1.0]]),
            "F": torch.nn.functional, "b": torch.ones(3, dtype=torch.bool), "B": torch.ones(2, 3, 3, dtype=torch.bool),
            "c": torch.ones(3, dtype=torch.complex64), "h": torch.ones(2, 2, dtype=torch.float16), "i": torch.arange(3),
            "x": torch.ones(3), "g": torch.ones(3, requires_grad=True)}


def rows(table: str) -> list[list[str]]:
    return [line.split("|", 2) for line in table.strip().splitlines()]


def refused(expression: str, error: type[Exception], begins: str) -> str | None:
    """What is wrong with the refusal of `expression`."""
    try:
        found = eval(expression, operands())
    except error as e:
        return None if str(e).startswith(begins) else f"{expression}: {e}"
    except Exception as e:
        return f"{expression}: {type(e).__name__}: {e}"
    return f"{expression}: {found}"


def test_dtypes_without_a_kernel() -> None:
    wrong = [refused(expression, NotImplementedError, f'"{kernel}" not implemented for \'{dtype}\'')
             for expression, kernel, dtype in rows(KERNELS)]
    assert not any(wrong), "\n".join(w for w in wrong if w)


def test_other_refusals() -> None:
    kinds = {e.__name__: e for e in (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError)}
    kinds["LinAlgError"] = torch.linalg.LinAlgError
    table = OTHERS + MATRICES.lstrip() + VALUES.lstrip() + SPECTRA.lstrip()
    wrong = [refused(expression, kinds[kind], begins) for expression, kind, begins in rows(table)]
    assert not any(wrong), "\n".join(w for w in wrong if w)


def test_out_takes_what_it_can_hold() -> None:
    x, d = torch.tensor([1.5, -2.0]), torch.empty(2, dtype=torch.float64)
    assert torch.add(x, 1, out=d) is d and d.tolist() == [2.5, -1.0]
    assert torch.cat([x, x], out=torch.empty(0, dtype=torch.float64)).tolist() == [1.5, -2.0] * 2
    assert torch.linalg.pinv(torch.eye(2), out=torch.empty(0, dtype=torch.float64)).dtype is torch.float64
    with torch.no_grad():
        g = torch.ones(2, requires_grad=True)
        assert torch.mul(g, 2, out=g) is g and g.tolist() == [2.0, 2.0]
    for out in (torch.ones(3), torch.ones(2, 1)):       # elements or not, another shape is told
        with pytest.warns(UserWarning, match="An output with one or more elements was resized"):
            torch.neg(x, out=out)
        assert out.tolist() == [-1.5, 2.0]
    assert torch.index_add(x, 0, torch.tensor([0]), x[:1].clone(), out=x).tolist() == [3.0, -2.0]


def test_what_singular_matrices_give() -> None:
    singular = torch.tensor([[1.0, 2.0], [2.0, 4.0]])
    assert torch.linalg.inv_ex(singular).info == torch.linalg.solve_ex(singular, torch.ones(2)).info == 2
    assert torch.linalg.cond(torch.stack([torch.eye(2), singular]), 1).tolist() == [1.0, float("inf")]
    assert torch.linalg.cond(torch.zeros(3, 0, 0)).tolist() == [0.0] * 3
    with pytest.raises(torch.linalg.LinAlgError, match="linalg.inv: The diagonal element 2 is zero"):
        torch.linalg.matrix_power(singular, -2)
    for number in (3.0, 2.0, 0.0):      # a number that was seen to change is known all the same
        a = torch.full((1, 1), number)
        if number:
            torch.linalg.lu_factor(a)
    with pytest.raises(RuntimeError, match=r"torch.linalg.lu_factor: U\[1,1\] is zero"):
        torch.linalg.lu_factor(a)


def test_spectra_at_the_edges() -> None:
    assert torch.fft.fftfreq(4, 0).tolist()[1:] == [float("inf"), -float("inf"), -float("inf")]
    with pytest.warns(UserWarning, match="The number of elements in the out tensor of shape"):
        torch.fft.fftfreq(3, out=torch.empty(2))
    x, w = torch.arange(10.0) + 1, torch.ones(2)
    aligned = torch.stft(x, 4, win_length=2, window=w, center=False, align_to_window=True, return_complex=True)
    assert aligned.shape == (3, 9) and aligned[0].real.tolist() == [float(2 * k + 3) for k in range(9)]
    with pytest.warns(UserWarning, match="The length of signal is shorter than the length parameter"):
        assert torch.istft(torch.ones(3, 5) + 0j, 4, window=torch.ones(4), length=10).shape == (10,)


def test_deprecated_names_say_so_once() -> None:
    a, x = torch.eye(3), torch.ones(3)
    try:
        torch.set_warn_always(True)
        for old in (lambda: torch.qr(a), lambda: torch.lu(a), lambda: torch.chain_matmul(a, a), lambda: torch.cross(x, x)):
            with pytest.warns(UserWarning, match="deprecated"):
                old()
    finally:
        torch.set_warn_always(False)
    assert type(torch.qr(a)).__name__ == "qr"       # and nothing is said a second time


def test_several_results_go_into_as_many_tensors_or_none() -> None:
    x, values = torch.tensor([3.0, 1.0]), torch.tensor([9.0])
    for out, begins in (((values, values), "Expected out tensor to have dtype long int"),
                        (values, "sort(): argument 'out' must be tuple"), ((values,), "expected tuple of 2 elements but got 1")):
        assert refused_call(lambda out=out: torch.sort(x, out=out)).startswith(begins)
    assert refused_call(lambda: torch.add(x, 1, out=[x])) == "add(): argument 'out' must be Tensor, not list"
    assert refused_call(lambda: torch.mode(x, 0, out=(values, values))).endswith("'Long' but got 'Float' for indices output")
    assert values.tolist() == [9.0]


def refused_call(call: Callable) -> str:
    with pytest.raises((RuntimeError, TypeError)) as found:
        call()
    return str(found.value)


def test_sums_are_computed_in_the_dtype_of_out() -> None:
    x, whole = torch.tensor([1.6, 1.6]), torch.zeros((), dtype=torch.int64)
    assert torch.sum(x, 0, out=whole).item() == 2
    assert torch.cumprod(x * 2, 0, out=torch.zeros(2, dtype=torch.int64)).tolist() == [3, 9]
    with pytest.raises(RuntimeError, match="Expected out tensor to have dtype double, but got float instead"):
        torch.sum(x, 0, dtype=torch.float64, out=torch.zeros(()))
    assert torch.any(x, 0, out=torch.zeros((), dtype=torch.uint8)).item() == 1
    assert torch.fft.irfft(torch.ones(3), out=torch.empty(0, dtype=torch.float64)).tolist() == [1.0, 0.0, 0.0, 0.0]


def test_new_memory_of_factors_lies_by_columns() -> None:
    for f in (torch.linalg.inv, torch.linalg.cholesky, lambda a, out: torch.linalg.qr(a, out=(out, torch.empty(0)))[0]):
        assert f(torch.eye(3), out=torch.empty(0)).stride() == (1, 3)
    d = torch.arange(4.0)
    assert d[:3].masked_fill_(torch.tensor([True, False, True]), d[1]).tolist() == [1.0, 1.0, 1.0]
    assert d[:3].masked_scatter_(torch.ones(3, dtype=torch.bool), d[1:]).tolist() == [1.0, 1.0, 3.0]


def test_what_an_op_warns_of_before_it_is_refused_is_said():
    with pytest.warns(UserWarning, match="^Default grid_sample and affine_grid behavior has changed"), \
            pytest.raises(RuntimeError, match="expected grid to have size 2 in last dimension"):
        torch.nn.functional.grid_sample(torch.ones(1, 1, 3, 3), torch.ones(1, 3, 3, 3))


def test_sequences_are_padded_over_rows_like_those_of_the_first():
    padded = torch.nn.utils.rnn.pad_sequence([torch.ones(2, 3), torch.full((1, 1), 5.0)], batch_first=True)
    assert padded.tolist() == [[[1, 1, 1], [1, 1, 1]], [[5, 5, 5], [0, 0, 0]]]

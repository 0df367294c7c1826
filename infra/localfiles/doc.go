// Package localfiles is the input folder on a local disk, or on a share that the system has
// mounted. It never leaves the folder: every access uses os.Root, and symbolic links are not
// followed.
package localfiles

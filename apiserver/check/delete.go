package check

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// Bounds of DeleteAll.
const (
	// deletePage is how many Checks are listed, by their metadata alone, and deleted before the next are.
	deletePage = 500
	// maxDeletePages is how many pages are deleted at most: 100,000 Checks, ten times what a cluster is tested for.
	maxDeletePages = 200
	// deleteParallel is how many are deleted at a time.
	deleteParallel = 8
)

// Delete deletes a Check of the owner's, finished or not. Its errors are ErrNotFound, ErrNotSetUp and ErrUnavailable; after the
// last the Check may be gone or not.
func (s *Service) Delete(ctx context.Context, owner, id string) error {
	c, err := s.Get(ctx, owner, id)
	if err != nil {
		return err
	}
	if err = s.removeKnown(ctx, c); apierrors.IsConflict(err) { // the cache knew another of that name: it was deleted, and its key used again
		if c, err = s.getLive(ctx, owner, id); err != nil {
			return err
		}
		err = s.removeKnown(ctx, c)
	}
	switch {
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return ErrNotFound
	case err != nil && !errors.Is(err, ErrUnavailable):
		return notSetUp("delete check", err)
	}
	return err
}

// removeKnown deletes a Check, and does not know it any more: whoever deleted it does not find it again before the watch tells.
func (s *Service) removeKnown(ctx context.Context, c *v1alpha1.Check) error {
	err := s.remove(ctx, c)
	if client.IgnoreNotFound(err) == nil {
		s.checks.forget(c)
	}
	return err
}

// remove deletes an object, and never another of the same name. That it is not found after a try with an unclear outcome means
// that that try deleted it.
func (s *Service) remove(ctx context.Context, object client.Object) error {
	uid, tried := object.GetUID(), false
	target := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Namespace: s.o.Namespace, Name: object.GetName()}}
	return s.untilClear(ctx, func(ctx context.Context) error {
		err := s.o.Cluster.Client().Delete(ctx, target, client.Preconditions{UID: &uid})
		if tried {
			err = client.IgnoreNotFound(err)
		}
		tried = true
		return err
	})
}

// DeleteAll deletes all of an owner's Checks, as the API server has them. It may be called again if it fails: what is deleted
// stays so. Its error is ErrUnavailable, or that of a permission that is missing.
func (s *Service) DeleteAll(ctx context.Context, owner string) error {
	if owner == "" {
		return errNoOwner
	}
	for range maxDeletePages {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("CheckList"))
		err := s.untilClear(ctx, func(ctx context.Context) error {
			return s.o.Cluster.Client().List(ctx, list, client.InNamespace(s.o.Namespace),
				client.MatchingLabels{v1alpha1.OwnerLabel: owner}, client.Limit(deletePage))
		})
		if err != nil {
			return fmt.Errorf("list the owner's checks: %w", err)
		}
		if len(list.Items) == 0 {
			return nil
		}
		if err := s.removeEach(ctx, list.Items); err != nil {
			return fmt.Errorf("delete the owner's checks: %w", err)
		}
	}
	return fmt.Errorf("delete the owner's checks: more than %d are there, or they are held by a finalizer", maxDeletePages*deletePage)
}

func (s *Service) removeEach(ctx context.Context, list []metav1.PartialObjectMetadata) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(deleteParallel)
	for i := range list {
		group.Go(func() error {
			err := s.remove(ctx, &list[i])
			if apierrors.IsConflict(err) { // replaced by another: the next page has it
				return nil
			}
			return client.IgnoreNotFound(err)
		})
	}
	return group.Wait()
}
